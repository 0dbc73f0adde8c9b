#!/usr/bin/env python3
"""Each network beside its own runtime, on crops of real faces: the greatest difference of any output, and the time of a run on
one thread. The two take turns, and times are the least of the turns' medians. `networks.py` measures time more closely, for the
built-in networks.

    cargo build --release -p streamface-model --example network
    (mkdir peers-js && cd peers-js && npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm)
    benches/runtimes.py --models DIR --photos DIR --js peers-js [--only NAME ...]

--models is a folder with the weight files, of the cache (~/.cache/streamface) or of unpacked packages, subfolders included;
--photos one with pictures whose middle is a face, such as LFW's. Networks whose files are not there are left out, and said.
TensorFlow.js runs in Node with its fastest processor backend (WebAssembly), TensorFlow Lite in LiteRT, ONNX in onnxruntime,
Keras in TensorFlow where it is installed, else in plain NumPy, which is no measure of time."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")
import cv2
import numpy as np

from peers import engines

# Name, format, files, shape of one input (height and width last for onnx), (mean, scale) of pixels, outputs.
NETWORKS = [
    ("gear", "tfjs", ["gear.json", "gear.bin"], (198, 198, 3), (0, 255), "Identity,Identity_1,Identity_2"),
    ("emotion", "tfjs", ["emotion.json", "emotion.bin"], (64, 64, 1), (127.5, 127.5), "Identity"),
    ("faceres", "tfjs", ["faceres.json", "faceres.bin"], (224, 224, 3), (0, 1), "age_pred/Softmax,gender_pred/Sigmoid,global_pooling/Mean"),
    ("faceres-deep", "tfjs", ["faceres-deep.json", "faceres-deep.bin"], (224, 224, 3), (0, 1), "age_pred/Softmax,gender_pred/Sigmoid,global_pooling/Mean"),
    ("facemesh", "tfjs", ["facemesh.json", "facemesh.bin"], (192, 192, 3), (0, 255), "Identity,Identity_1,Identity_2"),
    ("liveness", "tfjs", ["liveness.json", "liveness.bin"], (32, 32, 3), (0, 255), "Identity"),
    ("antispoof", "tfjs", ["antispoof.json", "antispoof.bin"], (128, 128, 3), (0, 255), "Identity"),
    ("mobileface", "tfjs", ["mobileface.json", "mobileface.bin"], (112, 112, 3), (0, 1), "batchnorm0/add_1"),
    ("mobilefacenet.js", "tfjs", ["mobilefacenet.json", "mobilefacenet.bin"], (112, 112, 3), (127.5, 128), "embeddings"),
    ("age", "tfjs", ["age.json", "age.bin"], (64, 64, 3), (0, 1), "Identity"),
    ("gender", "tfjs", ["gender.json", "gender.bin"], (64, 64, 1), (127.5, 127.5), "Identity"),
    ("gender-ssrnet-imdb", "tfjs", ["gender-ssrnet-imdb.json", "gender-ssrnet-imdb.bin"], (64, 64, 3), (0, 1), "Identity"),
    ("face-mask", "keras", ["face_mask_detector.model"], (224, 224, 3), (127.5, 127.5), "dense_1"),
    ("mobilefacenet", "tflite", ["MobileFaceNet.tflite"], (112, 112, 3), (127.5, 128), ""),
    ("fr-pose", "onnx", ["fr_pose.onnx"], (3, 224, 224), (119, 58), ""),
    ("age-v1", "onnx", ["age-v1.onnx"], (3, 64, 64), (114, 256), ""),
    ("gender-v1", "onnx", ["gender-v1.onnx"], (3, 32, 32), (114, 256), ""),
]


def crops(folder, shape, form, count):
    """The middle of each photo as the network's input."""
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    planes = shape[0] == 3
    height = shape[1] if planes else shape[0]
    out = []
    for path in paths[:: max(1, len(paths) // count)][:count]:
        picture = cv2.imread(str(path))
        h, w = picture.shape[:2]
        side = int(min(h, w) * 0.55)
        y, x = (h - side) // 2, (w - side) // 2
        picture = cv2.resize(picture[y : y + side, x : x + side], (height, height), interpolation=cv2.INTER_AREA)
        gray = shape[-1] == 1
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY if gray else cv2.COLOR_BGR2RGB).astype(np.float32)
        picture = (picture.reshape(height, height, -1) - form[0]) / form[1]
        out.append(picture.transpose(2, 0, 1) if planes else picture)
    return np.ascontiguousarray(np.stack(out), np.float32)


def ours(binary, net, files, x, folder):
    name, form, _, shape, _, names = net
    x.tofile(folder / "in.f32")
    shape = ",".join(map(str, (1, *shape)))
    said = subprocess.run([binary, form, shape, folder / "in.f32", folder / "ours.f32", names, *files], capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"{name}: {said.stderr}")
    return np.fromfile(folder / "ours.f32", np.float32).reshape(len(x), -1), json.loads(said.stdout)["ms"]


def timed(run, x):
    out, times = [], []
    for one in x:
        start = perf_counter()
        outputs = run(one[None])
        times.append(1e3 * (perf_counter() - start))
        out.append(np.concatenate([np.ravel(o) for o in outputs.values()]))
    return np.stack(out), float(np.median(times))


def tfjs(js, path, x, names):
    out, said = engines.run_tfjs(js, path, x[:, None], names)
    return out, said["ms"]


def engine(net, files, js):
    """The name of a network's runtime, and a function from inputs to their outputs and the milliseconds of one."""
    match net[1]:
        case "tfjs":
            return "TensorFlow.js", lambda x: tfjs(js, files[0], x, net[5].split(","))
        case "tflite":
            return "LiteRT", lambda x: timed(engines.open_litert(engines.with_batch(files[0], 1)), x)
        case "onnx":
            return "onnxruntime", lambda x: timed(engines.open_onnx(str(files[0])), x)
    try:
        import_module("tf_keras")
        return "TensorFlow", lambda x: timed(engines.open_tensorflow(files[0], 1, (1, *net[3])), x)
    except ImportError:
        from peers.keras_numpy import load

        run = load(files[0])
        return "NumPy", lambda x: timed(lambda one: {"": np.concatenate([np.ravel(o) for o in run(one)])}, x)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", default="target/release/examples/network")
    arguments.add_argument("--models", required=True, action="append")
    arguments.add_argument("--photos", required=True)
    arguments.add_argument("--js", default="peers-js")
    arguments.add_argument("--count", type=int, default=50)
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--only", nargs="*")
    a = arguments.parse_args()
    places = {p.name: p for m in a.models for p in Path(m).rglob("*") if p.is_file()}
    print("| network | runtime | greatest difference | greatest value | ours, ms | theirs, ms | theirs / ours |\n|---|---|---|---|---|---|---|")
    for net in NETWORKS:
        if a.only and net[0] not in a.only:
            continue
        if missing := [f for f in net[2] if f not in places]:
            print(f"{net[0]}: no {missing}", file=sys.stderr)
            continue
        files = [places[f] for f in net[2]]
        x = crops(a.photos, net[3], net[4], a.count)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            runtime, peer = engine(net, files, a.js)
            own, other = [], []
            for _ in range(a.turns):
                got, ms = ours(a.bin, net, files, x, folder)
                own.append(ms)
                want, ms = peer(x)
                other.append(ms)
        difference = np.abs(got - want).max()
        least = min(own), min(other)
        print(f"| {net[0]} | {runtime} | {difference:.1e} | {np.abs(want).max():.3g} | {least[0]:.2f} | {least[1]:.2f} | {least[1] / least[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
