"""A Keras model of a MobileNet's layers in plain NumPy, from its HDF5 file: for comparing outputs where TensorFlow is not
installed."""

import json

import h5py
import numpy as np

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "softmax": lambda x: np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True),
}


def windows(x, size, strides, padding):
    """Batch, rows, columns, window's rows and columns, channels."""
    if padding == "same":
        pads = []
        for length, k, s in zip(x.shape[1:3], size, strides):
            around = max((-(-length // s) - 1) * s + k - length, 0)
            pads.append((around // 2, around - around // 2))
        x = np.pad(x, [(0, 0), *pads, (0, 0)])
    view = np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))[:, :: strides[0], :: strides[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)


def layer(kind, c, w, inputs):
    x = inputs[0]
    if kind == "ZeroPadding2D":
        return np.pad(x, [(0, 0), *c["padding"], (0, 0)])
    if kind in ("Conv2D", "DepthwiseConv2D"):
        view = windows(x, c["kernel_size"], c["strides"], c["padding"])
        if kind == "Conv2D":
            x = np.tensordot(view, w["kernel"], 3)
        else:
            x = np.einsum("byxhwc,hwc->byxc", view, w["depthwise_kernel"][..., 0], optimize=True)
        return ACTIVATIONS[c["activation"]](x + w.get("bias", 0))
    if kind == "BatchNormalization":
        return (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + c["epsilon"]) * w["gamma"] + w["beta"]
    if kind == "ReLU":
        return np.clip(x, 0, c["max_value"])
    if kind == "Add":
        return sum(inputs)
    if kind == "AveragePooling2D":
        return windows(x, c["pool_size"], c["strides"], c["padding"]).mean((3, 4))
    if kind == "Flatten":
        return x.reshape(len(x), -1)
    if kind == "Dropout":
        return x
    if kind == "Dense":
        return ACTIVATIONS[c["activation"]](x @ w["kernel"] + w["bias"])
    raise ValueError(kind)


def load(path):
    """A function from a batch of pictures to the list of outputs."""
    file = h5py.File(path)
    config = json.loads(file.attrs["model_config"])["config"]
    layers = []
    for entry in config["layers"]:
        group = file["model_weights"][entry["name"]]
        names = [n.decode() for n in group.attrs.get("weight_names", [])]
        weights = {n.split("/")[-1].removesuffix(":0"): group[n][:].astype(np.float64) for n in names}
        inputs = [reference[0] for node in entry["inbound_nodes"] for reference in node]
        layers.append((entry["name"], entry["class_name"], entry["config"], weights, inputs))

    def run(x):
        values = {layers[0][0]: x.astype(np.float64)}
        for name, kind, c, weights, inputs in layers[1:]:
            values[name] = layer(kind, c, weights, [values[i] for i in inputs])
        return [values[name] for name, *_ in config["output_layers"]]

    return run
