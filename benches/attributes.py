#!/usr/bin/env python3
"""Milliseconds a face of each default face model and of all together, beside the same networks in their own runtimes.

  cargo build --release -p streamface-embed --example attribute_times
  benches/attributes.py --times target/release/examples/attribute_times --tfjs FOLDER [--tensorflow PYTHON]

FOLDER has `@tensorflow/tfjs` and `@tensorflow/tfjs-backend-wasm` (npm install); PYTHON is one with `tensorflow-cpu` and
`tf_keras`, for the network of Keras. Weights are those of `streamface models pull`. Ours includes the crop out of a frame of 1080p; a peer gets its
input made. One thread each, medians, in turns; then ours on all cores. Run with benches/peers' Python.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ["faceres", "gear", "emotion", "facemesh", "face-mask", "liveness"]
OPTIONS = ["age-v1", "gender-v1", "fr-pose"]
ROUNDS = 31
KERAS = """
import sys, time, json, statistics, shutil, tempfile, os
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1); tf.config.threading.set_inter_op_parallelism_threads(1)
path = os.path.join(tempfile.mkdtemp(), "m.h5"); shutil.copy(sys.argv[1], path)
model = tf.keras.models.load_model(path, compile=False)
run = tf.function(lambda x: model(x, training=False))
x = tf.random.uniform((1, 224, 224, 3), -1, 1); run(x); times = []
for _ in range(31):
    start = time.perf_counter(); run(x).numpy(); times.append(time.perf_counter() - start)
print(json.dumps({"ms": statistics.median(times) * 1e3}))
"""


def manifest(name):
    return tomllib.loads((ROOT / "models" / f"{name}.toml").read_text())


def shape(model):
    side, channels = model["crop"]["size"], 1 if model["input"]["channels"] == "gray" else 3
    return [1, side, side, channels] if model["input"]["layout"] == "nhwc" else [1, channels, side, side]


def onnx(path, dims):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x, times = np.random.rand(*dims).astype(np.float32), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        session.run(None, {session.get_inputs()[0].name: x})
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def tfjs(modules, path, dims, outputs):
    with tempfile.TemporaryDirectory() as folder:
        np.random.rand(ROUNDS, *dims).astype(np.float32).tofile(f"{folder}/in")
        call = ["node", ROOT / "benches/peers/tfjs.mjs", modules, path, ",".join(map(str, dims)), f"{folder}/in", f"{folder}/out", ",".join(outputs)]
        return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout.splitlines()[-1])["ms"]


def peer(args, name):
    """The name of the network's own runtime, and its milliseconds."""
    model = manifest(name)
    first = model["weights"][0] if "weights" in model else model
    path, outputs = args.models / first["file"], sorted({a["output"] for a in model["face"]["attributes"] if isinstance(a["output"], str)})
    match first["format"]:
        case "tfjs":
            return ("TF.js", tfjs(args.tfjs, path, shape(model), outputs)) if args.tfjs else ("TF.js", None)
        case "keras" if args.tensorflow:
            call = [args.tensorflow, "-c", KERAS, path]
            out = subprocess.run(call, check=True, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"})
            return "TensorFlow", json.loads(out.stdout.splitlines()[-1])["ms"]
        case "keras":
            return "TensorFlow", None
    return "onnxruntime", onnx(path, shape(model))


def ours(args, threads, names):
    out = subprocess.run([args.times, str(threads), *names], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path(os.environ.get("STREAMFACE_MODELS", Path.home() / ".cache/streamface")))
    parser.add_argument("--tfjs", type=Path)
    parser.add_argument("--tensorflow", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="turns; the least of their medians counts")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    one, peers = {}, {}
    for _ in range(args.rounds):
        for name, ms in ours(args, 1, DEFAULT).items():
            one[name] = min(ms, one.get(name, ms))
        for name, ms in ours(args, 1, OPTIONS).items():
            if name != "all":
                one[name] = min(ms, one.get(name, ms))
        for name in DEFAULT + OPTIONS:
            runtime, ms = peer(args, name)
            best = peers.get(name, (runtime, ms))[1]
            peers[name] = (runtime, ms if best is None else min(ms, best))
        print(".", end="", file=sys.stderr, flush=True)
    both = ours(args, cores, DEFAULT)
    print(f"\n| network | ours, one thread | its own runtime, one thread | ratio | ours, {cores} threads |\n|---|---|---|---|---|")
    for name in DEFAULT + OPTIONS:
        runtime, ms = peers[name]
        said = "not measured | –" if ms is None else f"{ms:.2f} ({runtime}) | {ms / one[name]:.2f}"
        print(f"| {name} | {one[name]:.2f} | {said} | {both[name]:.2f} |" if name in both else f"| {name} (option) | {one[name]:.2f} | {said} | – |")
    known = [peers[n][1] for n in DEFAULT]
    total = "– | –" if None in known else f"{sum(known):.2f} | {sum(known) / one['all']:.2f}"
    print(f"| all defaults | {one['all']:.2f} | {total} | {both['all']:.2f} |")


if __name__ == "__main__":
    main()
