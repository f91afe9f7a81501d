#!/usr/bin/env python3
"""Gives the light networks of the onnx package weights: reseed.py light_NAME OUT.onnx [--batch N|SYMBOL] [--check].

The package ships nine image classifiers whose weights are one repeated constant (ConstantOfShape), which says nothing
about whether a convolution is right. Here every weight is drawn anew from a seeded generator: filters scaled so that
activations keep their magnitude (He), batch-norm statistics and biases as a few pictures give them. Most activations
are above zero and residual branches add little, as in trained networks: where half of them are cut, rounding errors
grow from layer to layer until two programs that are right disagree. OUT.onnx holds the weights as raw data; the graph's
only input is then the picture. With --check onnxruntime's answers to other pictures must be finite, spread over the
classes, and different for different pictures. Needs numpy, onnx and onnxruntime.
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = [
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
    "zfnet512"]  # fmt: skip
SPREAD = 0.75  # standard deviation of what the last product gives, before Softmax
SHIFT = 1.0  # mean of what goes into a ReLU, in standard deviations
RESIDUAL = 0.5, 0.2  # scale and mean of what is added to a shortcut
CALIBRATION = 3  # pictures
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.log_severity_level = 3


def pictures(count, seed):
    """Random pictures with the spectrum of photographs, mostly large shapes: [count, 3, 224, 224]."""
    rng = np.random.default_rng(seed)
    result = np.zeros((count, 3, 224, 224), np.float32)
    for size in (1, 2, 4, 7, 14, 28, 56, 112, 224):
        coarse = rng.standard_normal((count, 3, size, size), dtype=np.float32)
        result += np.kron(coarse, np.ones((224 // size, 224 // size), np.float32)) / np.float32(np.sqrt(size))
    return result


class Reseeder:
    """Walks a graph in order with a few pictures and chooses each weight when its reader is reached."""

    def __init__(self, model, seed):
        self.rng = np.random.default_rng(seed)
        self.graph, self.opset = model.graph, model.opset_import[0].version
        self.values = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}
        self.shapes = {name: value.shape for name, value in self.values.items() if value.dtype == np.float32}
        self.makers, self.readers = {}, {}
        for node in self.graph.node:
            self.makers |= {name: node for name in node.output}
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
            if node.op_type == "ConstantOfShape":
                self.shapes[node.output[0]] = tuple(self.values[node.input[0]].tolist())
        (picture,) = (each.name for each in self.graph.input if each.name not in self.values and each.name in self.readers)
        self.values[picture] = pictures(CALIBRATION, seed=100)
        self.last = [node for node in self.graph.node if node.op_type in ("Conv", "Gemm")][-1]
        self.weights = {}

    def run(self):
        """An array for every weight, by name."""
        choices = {"Conv": self.product, "Gemm": self.product, "BatchNormalization": self.statistics,
                   "Mul": self.scale, "Add": self.shift}  # fmt: skip
        for node in self.graph.node:
            if all(name in self.shapes for name in node.input) or node.op_type == "ConstantOfShape":
                continue  # gives a weight; its reader chooses it
            if node.op_type in ("Reshape", "Unsqueeze") and node.input[0] in self.shapes:
                continue
            if node.op_type in choices:
                choices[node.op_type](node)
            self.values[node.output[0]] = self.compute(node)
            self.forget(node)
        return self.weights

    def compute(self, node):
        """The first output of one node, by onnxruntime."""
        inputs = {name: self.values[name] for name in node.input}
        infos = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                 for name, value in inputs.items()]  # fmt: skip
        alone = helper.make_node(node.op_type, list(inputs), node.output[:1])
        alone.attribute.extend(node.attribute)
        graph = helper.make_graph([alone], "node", infos, [helper.make_empty_tensor_value_info(node.output[0])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
        return session.run(None, inputs)[0]

    def forget(self, node):
        """Frees what no later node reads."""
        for name in node.input:
            self.readers[name] = [reader for reader in self.readers[name] if reader is not node]
            if not self.readers[name] and name not in self.weights:
                self.values.pop(name, None)

    def set(self, name, value):
        """Sets a weight where it is stored: before the Reshape or Unsqueeze that gives it its rank."""
        value = np.ascontiguousarray(value, np.float32)
        maker = self.makers.get(name)
        if maker is not None and maker.op_type != "ConstantOfShape":
            self.values[name] = value
            name = maker.input[0]
        self.weights[name] = self.values[name] = value.reshape(self.shapes[name])

    def shape(self, name):
        """Shape of a weight as its reader sees it."""
        maker = self.makers.get(name)
        if maker is None or maker.op_type == "ConstantOfShape":
            return self.shapes[name]
        stored = self.shapes[maker.input[0]]
        if maker.op_type == "Reshape":
            return tuple(self.values[maker.input[1]].tolist())
        (axes,) = (attribute.ints for attribute in maker.attribute if attribute.name == "axes")
        return tuple(np.expand_dims(np.empty(stored), tuple(axes)).shape)

    def product(self, node):
        """Filters of He's scale that sum to zero, if they look at more than a 3x3 window of one channel. Biases, where
        there are any, give each channel its mean."""
        shape = self.shape(node.input[1])
        filters = self.rng.random(shape, dtype=np.float32)
        axes = tuple(range(1, len(shape)))
        fan_in = int(np.prod(shape[1:]))
        filters -= filters.mean(axis=axes, keepdims=True) if fan_in > 9 else np.float32(0.5)
        filters *= np.float32(np.sqrt(12 * 2 / fan_in))
        self.set(node.input[1], filters)
        if len(node.input) < 3:
            return
        self.set(node.input[2], np.zeros(shape[0], np.float32))
        out = self.compute(node)
        others = (0, *range(2, out.ndim))
        mean = out.mean(axis=others, keepdims=True)
        if node is self.last:
            gain = np.float32(SPREAD / (out - mean).mean(axis=tuple(range(2, out.ndim))).std())
        else:
            gain = np.float32(1 / (out - mean).std())
        filters *= gain
        self.set(node.input[1], filters)
        wanted = (0 if node is self.last else SHIFT) + 0.1 * self.rng.standard_normal(shape[0])
        self.set(node.input[2], wanted - mean.reshape(-1) * gain)

    def statistics(self, node):
        """Mean and variance of what comes in, each a little off, as those of a training set are."""
        value = self.values[node.input[0]]
        others = (0, *range(2, value.ndim))
        channels = value.shape[1]
        self.scale(node)
        self.shift(node, 2)
        self.set(node.input[3], value.mean(axis=others) + 0.05 * self.rng.standard_normal(channels) * value.std(axis=others))
        self.set(node.input[4], np.maximum(value.var(axis=others), 1e-3) * self.rng.uniform(0.9, 1.1, channels))

    def is_residual(self, node):
        """True of a batch norm whose result is added to a shortcut."""
        readers = self.readers.get(node.output[0], [])
        return node.op_type == "BatchNormalization" and any(reader.op_type in ("Sum", "Add") for reader in readers)

    def scale(self, node):
        factor = RESIDUAL[0] if self.is_residual(node) else 1
        self.set(node.input[1], factor * self.rng.uniform(0.8, 1.2, self.shape(node.input[1])))

    def shift(self, node, index=1):
        mean = RESIDUAL[1] if self.is_residual(node) else SHIFT
        self.set(node.input[index], mean + 0.1 * self.rng.standard_normal(self.shape(node.input[index])))


def reseed(name, out, batch=None):
    """Writes light network `name` with its weights; the pictures' batch becomes `batch`, a number or a symbol."""
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    graph = model.graph
    set_batch(graph, CALIBRATION)
    weights = Reseeder(model, seed=NAMES.index(name)).run()
    set_batch(graph, 1 if batch is None else batch)

    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    read = {each for node in nodes for each in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name not in weights and tensor.name in read]
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants and each.name in read]
    for field, values in ((graph.node, nodes), (graph.initializer, kept), (graph.input, inputs), (graph.value_info, [])):
        values = list(values)
        del field[:]
        field.extend(values)
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in weights.items())
    model.ir_version = 8  # from 4 on initializers need not be inputs
    onnx.save(model, out)


def set_batch(graph, batch):
    shapes = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT64}
    for value in [*graph.input, *graph.output]:
        dims = value.type.tensor_type.shape.dim
        if len(dims) > 1 and value.name not in shapes:
            dims[0].Clear()
            setattr(dims[0], "dim_param" if isinstance(batch, str) else "dim_value", batch)
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in shapes:
            tensor = shapes[node.input[1]]
            shape = numpy_helper.to_array(tensor).copy()
            if shape[0] == 1 and len(shape) > 1:  # the batch as exported; a 0 takes the input's
                shape[0] = 0
                tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))


def check(out):
    """Asserts that answers are finite, spread, and different for different pictures."""
    session = onnxruntime.InferenceSession(out, OPTIONS, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers = np.concatenate([session.run(None, {name: each[None]})[0].reshape(1, -1) for each in pictures(3, seed=7)])
    assert np.isfinite(answers).all(), "answers that are not finite"
    if answers.min() >= 0:
        assert np.allclose(answers.sum(axis=1), 1, atol=1e-3), "probabilities that do not add up to 1"
        answers = np.log(np.maximum(answers, 1e-30))
    across_classes, across_pictures = answers.std(axis=1).min(), answers.std(axis=0).mean()
    print(f"standard deviation across classes {across_classes:.3g}, across pictures {across_pictures:.3g}")
    assert 0.5 < across_classes < 8, "answers should be spread over the classes, without one that takes all"
    assert across_pictures > 0.2 * across_classes, "answers hardly depend on the picture"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["light_" + name for name in NAMES])
    parser.add_argument("out")
    parser.add_argument("--batch", type=lambda text: int(text) if text.isdigit() else text)
    parser.add_argument("--check", action="store_true", help="run onnxruntime and look at its answers")
    arguments = parser.parse_args()
    reseed(arguments.name.removeprefix("light_"), arguments.out, arguments.batch)
    if arguments.check:
        check(arguments.out)


if __name__ == "__main__":
    main()
