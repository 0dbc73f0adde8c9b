"""What other runtimes give for the made-up input of `streamface models check`: the tables [[check]] of manifests.

    python benches/model_checks.py WEIGHTS SHAPE [NAME]
    python benches/model_checks.py pnet.tflite 1,12,12,3 pnet

ONNX files run in onnxruntime, TensorFlow Lite files in LiteRT. Of an output of n numbers at most eight are written, those
at floor(i * n / 8). Needs numpy, and onnxruntime or ai-edge-litert.
"""

import sys

import numpy as np


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


def main(path, shape, name=""):
    x = made_up([int(d) for d in shape.split(",")])
    runtime, outputs = (tflite if path.endswith(".tflite") else onnx)(path, x)
    print("[[check]]")
    if name:
        print(f'weights = "{name}"')
    print(f"shape = [{shape.replace(',', ', ')}]")
    print(f'from = "{runtime}"')
    print("[check.outputs]")
    for output, values in outputs.items():
        flat = values.ravel()
        taken = min(flat.size, 8)
        numbers = [flat[i * flat.size // taken] for i in range(taken)]
        print(f'"{output}" = [{", ".join(f"{v:.7g}" if "." in f"{v:.7g}" else f"{v:.1f}" for v in numbers)}]')


if __name__ == "__main__":
    main(*sys.argv[1:])
