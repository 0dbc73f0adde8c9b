"""What other runtimes give for the made-up input of `streamface models check`: the tables [[check]] of manifests.

    python benches/model_checks.py WEIGHTS SHAPE [NAME]
    python benches/model_checks.py pnet.tflite 1,12,12,3 pnet
    python benches/model_checks.py faceres.json 1,224,224,3 --tfjs FOLDER --outputs age_pred/Softmax,gender_pred/Sigmoid

ONNX files run in onnxruntime, TensorFlow Lite files in LiteRT, TensorFlow.js graph models in TensorFlow.js: FOLDER has
`@tensorflow/tfjs` and `@tensorflow/tfjs-backend-wasm` (npm install). Of an output of n numbers at most eight are written, those
at floor(i * n / 8). Needs numpy, and onnxruntime, ai-edge-litert or node.
"""

import argparse
from importlib.metadata import version
from pathlib import Path

import numpy as np

from peers import engines


def made_up(shape):
    k = np.arange(int(np.prod(shape)), dtype=np.uint64)
    return ((k * np.uint64(2654435761)) % np.uint64(1000)).astype(np.float32).reshape(shape) / np.float32(1000)


def onnx(path, x):
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}", engines.open_onnx(engines.free_shapes(path))(x)


def tflite(path, x):
    return f"LiteRT {version('ai-edge-litert')}", engines.open_litert(path, 1, x.shape)(x)


def tfjs(path, x, folder, names):
    numbers, said = engines.run_tfjs(folder, path, x[None], names.split(","))
    ends = np.cumsum(said["counts"])[:-1]
    return f"TensorFlow.js {said['version']}", dict(zip(names.split(","), np.split(numbers[0], ends)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("shape")
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--tfjs")
    parser.add_argument("--outputs", default="Identity")
    args = parser.parse_args()
    x = made_up([int(d) for d in args.shape.split(",")])
    match Path(args.path).suffix:
        case ".json":
            runtime, outputs = tfjs(args.path, x, args.tfjs, args.outputs)
        case ".tflite":
            runtime, outputs = tflite(args.path, x)
        case _:
            runtime, outputs = onnx(args.path, x)
    print("[[check]]")
    if args.name:
        print(f'weights = "{args.name}"')
    print(f"shape = [{args.shape.replace(',', ', ')}]")
    print(f'from = "{runtime}"')
    print("[check.outputs]")
    for output, values in outputs.items():
        flat = values.ravel()
        taken = min(flat.size, 8)
        numbers = [flat[i * flat.size // taken] for i in range(taken)]
        texts = [f"{v:.7g}" for v in numbers]
        texts = [t if set(t) & {".", "e"} else f"{t}.0" for t in texts]
        print(f'"{output}" = [{", ".join(texts)}]')


if __name__ == "__main__":
    main()
