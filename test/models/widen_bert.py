#!/usr/bin/env python3
"""Makes a BERT encoder of real size from the small exported one: widen_bert.py OUT.onnx [--layers N] [--width N] ...

The graph is that of `bert.onnx`, node for node, as the exporter wrote it; its second layer is repeated. Weights are drawn
anew from a seeded generator and scaled so that every layer matters to the output. The defaults are those of BERT base.
Needs numpy and onnx.
"""

import argparse
import copy
import math
import pathlib

import numpy as np
import onnx
from onnx import numpy_helper

SMALL = pathlib.Path(__file__).resolve().parent / "bert.onnx"
WIDTH, INNER, VOCABULARY, POSITIONS, HEAD, HEADS = 64, 128, 96, 64, 16, 4  # of the small one
HIDDEN = "/model/encoder/layer.{}/output/LayerNorm/LayerNormalization_output_0"
LAST = "last_hidden_state"


class Widener:
    def __init__(self, arguments):
        self.arguments = arguments
        self.model = onnx.load(SMALL)
        self.graph = self.model.graph
        self.small = {tensor.name: tuple(tensor.dims) for tensor in self.graph.initializer}
        self.rng = np.random.default_rng(arguments.seed)
        self.weights = {}

    def run(self):
        nodes = list(self.graph.node)
        makers = {name: i for i, node in enumerate(nodes) for name in node.output}
        begin, end = makers[HIDDEN.format(0)] + 1, makers[LAST] + 1
        first, layer, rest = nodes[:begin], nodes[begin:end], nodes[end:]
        widened = [self.widen(node, self.weigh) for node in first]
        for i in range(1, self.arguments.layers):
            widened += self.repeat(layer, i)
        widened += [self.widen(node, self.weigh) for node in rest]
        for field, values in ((self.graph.node, widened), (self.graph.initializer, []), (self.graph.value_info, [])):
            del field[:]
            field.extend(values)
        self.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in self.weights.items())
        for value in self.graph.output:
            value.type.tensor_type.shape.dim[-1].dim_value = self.arguments.width
        return self.model

    def repeat(self, layer, i):
        """The second layer of the small model as layer `i`."""
        own = {name for node in layer for name in node.output} | {
            name for node in layer for name in node.input if name in self.small}

        def rename(name):
            if name == HIDDEN.format(0):
                return HIDDEN.format(i - 1)
            if name == LAST:
                return LAST if i == self.arguments.layers - 1 else HIDDEN.format(i)
            if name not in own:
                return name
            return name.replace("layer.1", f"layer.{i}") if "layer.1" in name else f"{name}_{i}"

        nodes = []
        for node in layer:
            new = self.widen(node, lambda name: self.weigh(name, rename(name)))
            new.name = new.name.replace("layer.1", f"layer.{i}")
            new.input[:] = [rename(name) for name in node.input]
            new.output[:] = [rename(name) for name in node.output]
            nodes.append(new)
        return nodes

    def widen(self, node, weigh):
        """A copy of the node whose constants fit the new sizes; its weights are drawn."""
        for name in node.input:
            if name in self.small:
                weigh(name)
        node = copy.deepcopy(node)
        if node.op_type == "Constant":
            value = numpy_helper.to_array(node.attribute[0].t)
            if value.shape == (1, POSITIONS):
                value = np.arange(self.arguments.positions, dtype=value.dtype)[None]
            elif value.shape == (1,) and value[0] == HEAD:
                value = np.array([self.arguments.width // self.arguments.heads], value.dtype)
            elif value.dtype == np.float32 and value.shape == () and value == 1 / math.sqrt(HEAD):
                value = np.array(1 / math.sqrt(self.arguments.width // self.arguments.heads), value.dtype)
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(value, node.attribute[0].t.name))
        return node

    def weigh(self, name, new=None):
        """Draws the weight `name` of the small model at its new size, unless it is there."""
        new = new or name
        if new in self.weights:
            return
        arguments, shape = self.arguments, self.small[name]
        if "position" in name:
            wide = (arguments.positions, arguments.width)
        else:
            sizes = {WIDTH: arguments.width, INNER: arguments.inner, VOCABULARY: arguments.vocabulary}
            wide = tuple(sizes.get(size, size) for size in shape)
        value = self.rng.standard_normal(wide, dtype=np.float32)
        if len(wide) == 1:
            value = value * np.float32(0.1) + np.float32(name.endswith("LayerNorm.weight"))
        elif "embed" not in name:
            fan_in = wide[1] if name.endswith("weight") else wide[0]  # Gemm reads it transposed
            value *= np.float32(1.4 / math.sqrt(fan_in))
        self.weights[new] = value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    for name, value in (("layers", 12), ("width", 768), ("heads", 12), ("inner", 3072), ("vocabulary", 30522),
                        ("positions", 512), ("seed", 0)):  # fmt: skip
        parser.add_argument("--" + name, type=int, default=value)
    arguments = parser.parse_args()
    if arguments.layers < 2 or arguments.width % arguments.heads:
        parser.error(f"layers is {arguments.layers}, at least 2 are needed; width is {arguments.width}, a multiple of "
                     f"heads ({arguments.heads}) is needed")  # fmt: skip
    model = Widener(arguments).run()
    onnx.checker.check_model(model)
    onnx.save(model, arguments.out)


if __name__ == "__main__":
    main()
