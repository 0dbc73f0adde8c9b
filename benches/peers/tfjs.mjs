// A TensorFlow.js graph model on TensorFlow.js itself, in Node with its fastest processor backend (WebAssembly), one thread.
// node tfjs.mjs MODULES MODEL.json SHAPE INPUT OUTPUT NAMES [REPEAT], MODULES being the folder with @tensorflow/tfjs and
// tfjs-backend-wasm. Reads raw f32 inputs, writes raw f32 outputs, prints a line of JSON with the median time, the numbers of
// each output, and memory with and without the network. With REPEAT each input runs that often after two runs that do not
// count. TensorFlow.js knows no threads of WebAssembly in Node.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [modules, json, shapeText, input, output, names, repeat] = process.argv.slice(2);
const require = createRequire(path.resolve(modules) + "/");
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(path.resolve(modules, "node_modules/@tensorflow/tfjs-backend-wasm/dist") + "/");
if (wasm.setThreadsCount) wasm.setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();
const peak = () => (1024 * Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1])) / 1e6;
const imports = peak();
const begun = process.hrtime.bigint();

const file = JSON.parse(fs.readFileSync(json));
const shards = file.weightsManifest.flatMap((g) => g.paths).map((p) => fs.readFileSync(path.join(path.dirname(json), p)));
const bytes = Buffer.concat(shards);
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const weightSpecs = file.weightsManifest.flatMap((g) => g.weights);
const model = await tf.loadGraphModel({
  load: async () => ({ modelTopology: file.modelTopology, weightSpecs, weightData, signature: file.signature }),
});
const ready = Number(process.hrtime.bigint() - begun) / 1e6;

const shape = shapeText.split(",").map(Number);
const one = shape.reduce((a, b) => a * b);
const raw = fs.readFileSync(input);
const all = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
const wanted = names.split(",");
const times = [];
const parts = [];
let counts = [];
for (let at = 0; at < all.length; at += one) {
  const x = all.slice(at, at + one);
  const warm = Number(repeat) > 0 ? 2 : 0;
  let values;
  for (let run = 0; run < warm + Math.max(1, Number(repeat) || 0); run++) {
    const start = process.hrtime.bigint();
    const t = tf.tensor(x, shape);
    let y = model.execute(t, wanted);
    if (!Array.isArray(y)) y = [y];
    values = y.map((o) => Float32Array.from(o.dataSync()));
    if (run >= warm) times.push(Number(process.hrtime.bigint() - start) / 1e6);
    tf.dispose([t, ...y]);
  }
  parts.push(...values);
  counts = values.map((v) => v.length);
}
fs.writeFileSync(output, Buffer.concat(parts.map((p) => Buffer.from(p.buffer))));
times.sort((a, b) => a - b);
const threads = wasm.getThreadsCount ? wasm.getThreadsCount() : 1;
const memory = { imports_mb: imports, peak_mb: peak() };
console.log(JSON.stringify({ ms: times[times.length >> 1], threads, counts, ready_ms: ready, version: tf.version.tfjs, ...memory }));
