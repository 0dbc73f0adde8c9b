"""What other runtimes give for the made-up input of `streamface models check`: the tables [[check]] of manifests.

    python benches/model_checks.py WEIGHTS SHAPE [NAME]
    python benches/model_checks.py pnet.tflite 1,12,12,3 pnet
    python benches/model_checks.py faceres.json 1,224,224,3 --tfjs FOLDER --outputs age_pred/Softmax,gender_pred/Sigmoid

ONNX files run in onnxruntime, TensorFlow Lite files in LiteRT, TensorFlow.js graph models in TensorFlow.js: FOLDER has
`@tensorflow/tfjs` and `@tensorflow/tfjs-backend-wasm` (npm install). Of an output of n numbers at most eight are written, those
at floor(i * n / 8). Needs numpy, and onnxruntime, ai-edge-litert or node.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

TFJS = Path(__file__).resolve().parent / "peers/tfjs.mjs"


def made_up(shape):
    k = np.arange(int(np.prod(shape)), dtype=np.uint64)
    return ((k * np.uint64(2654435761)) % np.uint64(1000)).astype(np.float32).reshape(shape) / np.float32(1000)


def onnx(path, x):
    import onnx as file_format
    import onnxruntime

    model = file_format.load(path)
    weights = {w.name for w in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    # The shapes in the file are those of its export.
    for value in [*model.graph.input, *model.graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            dim.Clear()
    del model.graph.value_info[:]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return f"onnxruntime {onnxruntime.__version__}", dict(zip(names, session.run(names, {inputs[0].name: x})))


def tflite(path, x):
    import ai_edge_litert
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(path)
    net.resize_tensor_input(net.get_input_details()[0]["index"], x.shape)
    net.allocate_tensors()
    net.set_tensor(net.get_input_details()[0]["index"], x)
    net.invoke()
    outputs = {o["name"]: net.get_tensor(o["index"]) for o in net.get_output_details()}
    return f"LiteRT {getattr(ai_edge_litert, '__version__', '')}".strip(), outputs


def tfjs(path, x, folder, names):
    with tempfile.TemporaryDirectory() as temporary:
        given, taken = f"{temporary}/in", f"{temporary}/out"
        x.tofile(given)
        call = ["node", TFJS, folder, path, ",".join(map(str, x.shape)), given, taken, names]
        said = subprocess.run(call, check=True, capture_output=True, text=True).stdout
        numbers, outputs = np.fromfile(taken, np.float32), {}
        for name, count in zip(names.split(","), json.loads(said.splitlines()[-1])["counts"]):
            outputs[name], numbers = numbers[:count], numbers[count:]
    version = json.loads((Path(folder) / "node_modules/@tensorflow/tfjs/package.json").read_text())["version"]
    return f"TensorFlow.js {version}", outputs


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
