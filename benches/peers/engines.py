"""Networks in their own runtimes. Other benches import it; `networks.py` calls it as a program, a process a measurement:

    python engines.py time ENGINE FILE SHAPE THREADS RUNS [TFJS]   # a line of JSON: milliseconds and memory
    python engines.py write ENGINE FILE SHAPE OUT                  # FILE with its input fixed at SHAPE
    python engines.py layers FILE SHAPE THREADS RUNS               # onnxruntime's profile, by the nodes of the file

ENGINE is `onnx` (onnxruntime), `litert` (LiteRT with XNNPACK), `litert-parts` (the same with the file's own batch, as often as
SHAPE needs it), `tensorflow` (Keras files, and the graphs of TensorFlow.js) or `tfjs` (TensorFlow.js in Node; TFJS is the folder
with its modules). A network is a function from an array to its outputs by name. Each library is imported where it is used,
as not every Python has all of them.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np

LIBRARY = {"onnx": "onnxruntime", "litert": "ai_edge_litert.interpreter", "litert-parts": "ai_edge_litert.interpreter", "tensorflow": "tensorflow"}


# ---------------------------------------------------------------- files


def free_shapes(path, shape=None):
    """An ONNX file with free shapes, or with its input fixed at `shape`, and with constant weights: CenterFace's declares
    10 x 3 x 32 x 32 and lists its weights among the inputs, which keeps onnxruntime from folding them. Nodes get names."""
    import onnx

    model = onnx.load(str(path))
    weights = {w.name for w in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    del model.graph.input[:]
    del model.graph.value_info[:]
    model.graph.input.extend(inputs)
    for value in [*model.graph.input, *model.graph.output]:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            dim.dim_param = f"{value.name}_{axis}"
    for dim, length in zip(model.graph.input[0].type.tensor_type.shape.dim, shape or []):
        dim.dim_value = length
    for node in model.graph.node:
        node.name = node.name or node.output[0]
    return model.SerializeToString()


def with_batch(path, batch):
    """A TensorFlow Lite file that is made for `batch` inputs. `resize_tensor_input` is not enough for MobileFaceNet's: its
    last reshape has the batch among its constants, and XNNPACK refuses it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)
    for graph in model.subgraphs:
        before = graph.tensors[graph.inputs[0]].shape[0]
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            if buffer.data is None or len(buffer.data) == 0:
                if len(tensor.shape) and tensor.shape[0] == before:
                    tensor.shape = [batch, *tensor.shape[1:]]
            elif tensor.type == schema.TensorType.INT32 and tensor.name.endswith(b"_shape"):
                numbers = np.frombuffer(bytes(buffer.data), np.int32).copy()
                numbers[0] = batch if numbers[0] == before else numbers[0]
                buffer.data = np.frombuffer(numbers.tobytes(), np.uint8)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def graph_of_tfjs(path):
    """The graph of a TensorFlow.js file for TensorFlow, its input and its outputs that no other node reads."""
    from google.protobuf import json_format
    from tensorflow import make_tensor_proto
    from tensorflow.core.framework import graph_pb2

    file = json.loads(Path(path).read_text())
    shards = [Path(path).parent / name for group in file["weightsManifest"] for name in group["paths"]]
    raw, at, weights = b"".join(s.read_bytes() for s in shards), 0, {}
    for spec in (spec for group in file["weightsManifest"] for spec in group["weights"]):
        stored = spec.get("quantization", {}).get("dtype", spec["dtype"])
        values = np.frombuffer(raw, stored, int(np.prod(spec["shape"])), at)
        at += values.nbytes
        weights[spec["name"]] = values.astype(spec["dtype"]).reshape(spec["shape"])
    if any(node["op"] == "Prelu" for node in file["modelTopology"]["node"]):
        raise RuntimeError("PReLU is an operation of TensorFlow.js that TensorFlow does not have")
    graph = json_format.ParseDict(file["modelTopology"], graph_pb2.GraphDef(), ignore_unknown_fields=True)
    for node in graph.node:
        if node.op == "Const":
            node.attr["value"].tensor.CopyFrom(make_tensor_proto(weights[node.name]))
        if node.op == "_FusedConv2D" and "TArgs" not in node.attr:
            node.attr["TArgs"].list.type.extend([1] * node.attr["num_args"].i)
    read = {name.split(":")[0].lstrip("^") for node in graph.node for name in node.input}
    outputs = [node.name for node in graph.node if node.name not in read]
    return graph, next(node.name for node in graph.node if node.op == "Placeholder"), outputs


# ---------------------------------------------------------------- networks


def open_onnx(model, threads=1, profile=None):
    """Of a path or of bytes; with `profile`, the beginning of a file's name, the session too, which writes that file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given, names = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]
    run = lambda x: dict(zip(names, session.run(names, {given: x})))
    return (run, session) if profile else run


def open_litert(model, threads=1, shape=None):
    """Of a path or of bytes, for inputs of `shape`; without one, for any number of inputs in parts of the file's own batch."""
    from ai_edge_litert.interpreter import Interpreter

    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    net = Interpreter(**source, num_threads=threads)
    given = net.get_input_details()[0]
    if shape and list(given["shape"]) != list(shape):
        net.resize_tensor_input(given["index"], shape)
    net.allocate_tensors()
    outputs, batch = net.get_output_details(), net.get_input_details()[0]["shape"][0]

    def part(x):
        net.set_tensor(given["index"], x)
        net.invoke()
        return {o["name"]: net.get_tensor(o["index"]) for o in outputs}

    def run(x):
        if len(x) == batch:
            return part(x)
        # What is missing in the last part is its last input again.
        padded = np.concatenate([x, np.repeat(x[-1:], -len(x) % batch, 0)])
        parts = [part(padded[at : at + batch]) for at in range(0, len(x), batch)]
        return {name: np.concatenate([p[name] for p in parts])[: len(x)] for name in parts[0]}

    run.delegated = any(op["op_name"] == "DELEGATE" for op in net._get_ops_details())
    return run


def open_tensorflow(path, threads=1, shape=None):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if Path(path).suffix == ".json":
        graph, given, names = graph_of_tfjs(path)
        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
        function = wrapped.prune(f"{given}:0", [f"{name}:0" for name in names])
    else:
        import tf_keras

        net = tf_keras.models.load_model(str(path), compile=False)
        names = list(net.output_names)
        function = tf.function(lambda x: [net(x, training=False)]).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return lambda x: dict(zip(names, (y.numpy() for y in function(tf.constant(x)))))


def run_tfjs(modules, path, x, names, repeat=0):
    """The outputs for each of the inputs x[0], x[1], ..., flat and in the order of `names`, and what Node says of the runs:
    median, memory. With `repeat` each input runs that often after two runs that do not count."""
    with tempfile.TemporaryDirectory() as folder:
        x.tofile(f"{folder}/in")
        script = Path(__file__).resolve().parent / "tfjs.mjs"
        shape = ",".join(map(str, x.shape[1:]))
        call = ["node", script, modules, path, shape, f"{folder}/in", f"{folder}/out", ",".join(names), str(repeat)]
        said = subprocess.run(call, capture_output=True, text=True)
        if said.returncode:
            raise RuntimeError(f"{path}: {said.stderr}")
        return np.fromfile(f"{folder}/out", np.float32).reshape(len(x), -1), json.loads(said.stdout.splitlines()[-1])


# ---------------------------------------------------------------- measuring


def peak_mb():
    """The most memory that this process had resident so far; `ru_maxrss` would count what started it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) * 1024 / 1e6


def measure(engine, path, shape, threads, runs, modules):
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    if engine == "tfjs":
        file = json.loads(Path(path).read_text())["modelTopology"]["node"]
        read = {name.split(":")[0] for node in file for name in node.get("input", [])}
        said = run_tfjs(modules, path, x[None], [n["name"] for n in file if n["name"] not in read], runs)[1]
        return {"median_ms": said["ms"], **{k: said[k] for k in ("ready_ms", "imports_mb", "peak_mb", "version")}}
    library = import_module(LIBRARY[engine])
    if engine == "tensorflow" and Path(path).suffix != ".json":
        import tf_keras
    imports = peak_mb()
    start = time.perf_counter()
    match engine:
        case "onnx":
            run = open_onnx(path, threads)
        case "tensorflow":
            run = open_tensorflow(path, threads, shape)
        case _:
            run = open_litert(path, threads, shape if engine == "litert" else None)
            if not run.delegated:
                raise RuntimeError(f"{path}: XNNPACK does not take it")
    ready, times = time.perf_counter() - start, []
    for _ in range(2 + runs):
        start = time.perf_counter()
        run(x)
        times.append(time.perf_counter() - start)
    version = getattr(library, "__version__", None) or import_module("importlib.metadata").version("ai-edge-litert")
    return {
        "median_ms": statistics.median(times[2:]) * 1e3,
        "ready_ms": ready * 1e3,
        "imports_mb": imports,
        "peak_mb": peak_mb(),
        "version": version,
    }


def layers(path, shape, threads, runs):
    """Milliseconds a run of each node of the file, as onnxruntime's profile names them, and the nodes in their order with
    those that they read. A node that is not the file's is named after the value that it writes, or after its kind."""
    import onnx

    graph = onnx.load_from_string(free_shapes(path, shape)).graph
    maker = {value: node.name for node in graph.node for value in node.output}
    with tempfile.TemporaryDirectory() as folder:
        run, session = open_onnx(free_shapes(path, shape), threads, f"{folder}/profile")
        x = np.random.default_rng(0).random(shape, dtype=np.float32)
        for _ in range(runs):
            run(x)
        events = json.loads(Path(session.end_profiling()).read_text())
    times, known = {}, {node.name for node in graph.node}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            value = re.sub(r"(_nchwc)?(_token_\d+)?_kernel_time$", "", event["name"]).removeprefix("fused ")
            name = value if value in known else maker.get(value, event["args"]["op_name"])
            times.setdefault((name, event["name"]), []).append(event["dur"] / 1e3)
    ms = {}
    for (name, _), durations in times.items():
        ms[name] = ms.get(name, 0) + statistics.median(durations)
    whole = statistics.median(e["dur"] / 1e3 for e in events if e["name"] == "model_run")
    reads = [(node.name, [maker[v] for v in node.input if v in maker]) for node in graph.node]
    return {"ms": ms, "nodes": reads, "whole_ms": whole}


def main():
    what, *rest = sys.argv[1:]
    numbers = lambda text: [int(n) for n in text.split(",")]
    if what == "write":
        engine, path, shape, out = rest
        Path(out).write_bytes(free_shapes(path, numbers(shape)) if engine == "onnx" else with_batch(path, numbers(shape)[0]))
    elif what == "layers":
        path, shape, threads, runs = rest
        print(json.dumps(layers(path, numbers(shape), int(threads), int(runs))))
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        engine, path, shape, threads, runs, *modules = rest
        print(json.dumps(measure(engine, path, numbers(shape), int(threads), int(runs), *(modules or [None]))))


if __name__ == "__main__":
    main()
