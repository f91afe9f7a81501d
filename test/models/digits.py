#!/usr/bin/env python3
"""Trains the digit classifier of test/models and writes it with its held-out images.

Writes, beside itself: digits.onnx, digits_images.npy (float32 [N,1,8,8], 0..1), digits_labels.npy (int64 [N]) and
digits_expected.npy (float32 [N,10], what onnxruntime answers). Needs numpy, onnx, onnxruntime and scikit-learn.

The network, for a batch of B images:
  image [B,1,8,8] -> Conv 3x3 [B,8,8,8] -> Relu -> MaxPool 2x2 [B,8,4,4] -> Conv 3x3 [B,16,4,4] -> Relu
  -> MaxPool 2x2 [B,16,2,2] -> Flatten [B,64] -> Gemm [B,32] -> Relu -> Gemm [B,10] -> Softmax
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent
HELD_OUT = 360
EPOCHS = 200
BATCH = 64
NEEDED_ACCURACY = 0.97


def patches(x):
    """3x3 neighbourhoods of x [B,C,H,W], zero padded by one: [B,H,W,C*9]."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    b, c, h, w = x.shape
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(b, h, w, c * 9)


class Conv:
    def __init__(self, rng, inputs, outputs):
        scale = np.sqrt(2.0 / (inputs * 9))
        self.parameters = [rng.normal(0, scale, (outputs, inputs, 3, 3)), np.zeros(outputs)]

    def forward(self, x):
        weight, bias = self.parameters
        self.shape, self.patches = x.shape, patches(x)
        return (self.patches @ weight.reshape(len(bias), -1).T + bias).transpose(0, 3, 1, 2)

    def backward(self, grad):
        weight, bias = self.parameters
        b, c, h, w = self.shape
        rows = grad.transpose(0, 2, 3, 1).reshape(-1, len(bias))
        self.gradients = [(rows.T @ self.patches.reshape(len(rows), -1)).reshape(weight.shape), rows.sum(0)]
        spread = (rows @ weight.reshape(len(bias), -1)).reshape(b, h, w, c, 3, 3)
        padded = np.zeros((b, c, h + 2, w + 2))
        for i in range(3):
            for j in range(3):
                padded[:, :, i : i + h, j : j + w] += spread[..., i, j].transpose(0, 3, 1, 2)
        return padded[:, :, 1:-1, 1:-1]


class Dense:
    def __init__(self, rng, inputs, outputs):
        self.parameters = [rng.normal(0, np.sqrt(2.0 / inputs), (outputs, inputs)), np.zeros(outputs)]

    def forward(self, x):
        self.x = x
        return x @ self.parameters[0].T + self.parameters[1]

    def backward(self, grad):
        self.gradients = [grad.T @ self.x, grad.sum(0)]
        return grad @ self.parameters[0]


class Relu:
    parameters = gradients = ()

    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


class MaxPool:
    parameters = gradients = ()

    def forward(self, x):
        b, c, h, w = x.shape
        self.cells = x.reshape(b, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(b, c, h // 2, w // 2, 4)
        self.winner = self.cells.argmax(-1)
        return self.cells.max(-1)

    def backward(self, grad):
        b, c, h, w = grad.shape
        cells = np.zeros_like(self.cells)
        np.put_along_axis(cells, self.winner[..., None], grad[..., None], -1)
        return cells.reshape(b, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(b, c, h * 2, w * 2)


class Flatten:
    parameters = gradients = ()

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad):
        return grad.reshape(self.shape)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def shifted(rng, images):
    """Each image moved by -1, 0 or 1 pixel in both directions, so that the network does not learn places by heart."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = rng.integers(0, 3, (len(images), 2))
    return np.stack([p[:, i : i + 8, j : j + 8] for p, (i, j) in zip(padded, moves)])


def train(rng, images, labels):
    """Adam on the cross entropy, the step falling to zero along a cosine. Returns the layers."""
    layers = [Conv(rng, 1, 8), Relu(), MaxPool(), Conv(rng, 8, 16), Relu(), MaxPool(), Flatten()]
    layers += [Dense(rng, 64, 32), Relu(), Dense(rng, 32, 10)]
    moments = [[[np.zeros_like(p), np.zeros_like(p)] for p in layer.parameters] for layer in layers]
    steps = EPOCHS * (len(images) // BATCH)
    for step in range(1, steps + 1):
        if step % (len(images) // BATCH) == 1:
            order = rng.permutation(len(images))
        rows = np.take(order, range(step * BATCH, (step + 1) * BATCH), mode="wrap")
        x = shifted(rng, images[rows])
        for layer in layers:
            x = layer.forward(x)
        grad = (softmax(x) - np.eye(10)[labels[rows]]) / BATCH
        for layer in reversed(layers):
            grad = layer.backward(grad)
        rate = 0.005 * 0.5 * (1 + np.cos(np.pi * step / steps))
        for layer, state in zip(layers, moments):
            for parameter, gradient, (first, second) in zip(layer.parameters, layer.gradients, state):
                first += 0.1 * (gradient - first)
                second += 0.001 * (gradient**2 - second)
                corrected = np.sqrt(second / (1 - 0.999**step)) + 1e-8
                parameter -= rate * first / (1 - 0.9**step) / corrected
    return layers


def onnx_model(layers):
    weights = [p for layer in layers for p in layer.parameters]
    names = ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"]
    names += ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]
    initializers = [
        helper.make_tensor(name, TensorProto.FLOAT, w.shape, w.astype("<f4").tobytes(), raw=True)
        for name, w in zip(names, weights)
    ]
    conv = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    pool = dict(kernel_shape=[2, 2], strides=[2, 2])
    nodes = [
        helper.make_node("Conv", ["image", *names[0:2]], ["conv1"], "conv1", **conv),
        helper.make_node("Relu", ["conv1"], ["relu1"], "relu1"),
        helper.make_node("MaxPool", ["relu1"], ["pool1"], "pool1", **pool),
        helper.make_node("Conv", ["pool1", *names[2:4]], ["conv2"], "conv2", **conv),
        helper.make_node("Relu", ["conv2"], ["relu2"], "relu2"),
        helper.make_node("MaxPool", ["relu2"], ["pool2"], "pool2", **pool),
        helper.make_node("Flatten", ["pool2"], ["flat"], "flat", axis=1),
        helper.make_node("Gemm", ["flat", *names[4:6]], ["dense1"], "dense1", transB=1),
        helper.make_node("Relu", ["dense1"], ["relu3"], "relu3"),
        helper.make_node("Gemm", ["relu3", *names[6:8]], ["dense2"], "dense2", transB=1),
        helper.make_node("Softmax", ["dense2"], ["probabilities"], "probabilities", axis=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "digits", [image], [probabilities], initializers)
    model = helper.make_model(
        graph, producer_name="digits.py", ir_version=8, opset_imports=[helper.make_opsetid("", 17)]
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    rng = np.random.default_rng(7)
    data = load_digits()
    images = (data.images / 16.0)[:, None]
    order = rng.permutation(len(images))
    held_out, training = order[:HELD_OUT], order[HELD_OUT:]
    model = onnx_model(train(rng, images[training], data.target[training]))

    path = HERE / "digits.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    test_images = images[held_out].astype(np.float32)
    test_labels = data.target[held_out].astype(np.int64)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"image": test_images})
    np.save(HERE / "digits_images.npy", test_images)
    np.save(HERE / "digits_labels.npy", test_labels)
    np.save(HERE / "digits_expected.npy", expected)

    accuracy = (expected.argmax(1) == test_labels).mean()
    print(f"{len(training)} training images, {HELD_OUT} held out, held-out accuracy {100 * accuracy:.2f} %")
    if accuracy < NEEDED_ACCURACY:
        sys.exit(f"digits.py: held-out accuracy is {accuracy:.4f}, needed {NEEDED_ACCURACY}")


if __name__ == "__main__":
    main()
