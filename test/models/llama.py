"""Writes a small Llama-shaped decoder as PyTorch's exporter writes one of Hugging Face's: llama.py MODEL.onnx

Two layers with grouped heads, rotary embedding by halves, keys and values that come in and go out, a causal mask that is
computed. The weights are random, from a fixed seed.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, KEY_HEADS, HEAD, HIDDEN, INNER, WORDS = 2, 4, 2, 16, 64, 128, 96
EPSILON, BASE = 1e-5, 10000.0


class Graph:
    """Nodes and initializers; each method adds a node and returns the name of its output."""

    def __init__(self, seed):
        self.nodes, self.initializers, self.count = [], [], 0
        self.rng = np.random.default_rng(seed)

    def __getattr__(self, op):
        def add(*inputs, **attributes):
            names = [name if isinstance(name, str) else self.constant(name) for name in inputs]
            self.count += 1
            self.nodes.append(helper.make_node(op, names, [f"v{self.count}"], name=f"/{op}_{self.count}", **attributes))
            return f"v{self.count}"

        return add

    def constant(self, value):
        array = np.asarray(value, np.float32 if isinstance(value, float) else np.int64)
        return self.Constant(value=numpy_helper.from_array(array))

    def weight(self, name, *shape, scale=None):
        values = self.rng.normal(size=shape) * (scale or shape[0] ** -0.5)
        values = 1 + 0.1 * values if len(shape) == 1 else values
        self.initializers.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name


def norm(g, x, name):
    wide = g.Cast(x, to=TensorProto.FLOAT)
    mean = g.ReduceMean(g.Pow(wide, 2.0), axes=[-1], keepdims=1)
    inverse = g.Div(1.0, g.Sqrt(g.Add(mean, EPSILON)))
    return g.Mul(g.weight(name, HIDDEN), g.Cast(g.Mul(wide, inverse), to=TensorProto.FLOAT))


def rotary_tables(g, positions):
    frequencies = (BASE ** (-np.arange(0, HEAD, 2) / HEAD)).astype(np.float32).reshape(1, HEAD // 2, 1)
    g.initializers.append(numpy_helper.from_array(frequencies, "inv_freq"))
    places = g.Cast(g.Unsqueeze(positions, [1]), to=TensorProto.FLOAT)
    angles = g.Transpose(g.MatMul("inv_freq", places), perm=[0, 2, 1])
    both = g.Concat(angles, angles, axis=-1)
    return [g.Unsqueeze(g.Mul(part, 1.0), [1]) for part in (g.Cos(both), g.Sin(both))]


def rotate(g, x, tables):
    half, end = [HEAD // 2], [2**63 - 1]
    first, second = g.Slice(x, [0], half, [3], [1]), g.Slice(x, half, end, [3], [1])
    turned = g.Concat(g.Neg(second), first, axis=-1)
    return g.Add(g.Mul(x, tables[0]), g.Mul(turned, tables[1]))


def split(g, x, heads):
    return g.Transpose(g.Reshape(x, [0, 0, heads, HEAD]), perm=[0, 2, 1, 3])


def repeat(g, x):
    """Each head of keys or values for all of its heads of queries."""
    batch, tokens = (g.Gather(g.Shape(x), axis, axis=0) for axis in (0, 2))
    batch, tokens = g.Unsqueeze(batch, [0]), g.Unsqueeze(tokens, [0])
    shape = g.Concat(batch, [KEY_HEADS], [HEADS // KEY_HEADS], tokens, [HEAD], axis=0)
    many = g.Expand(g.Unsqueeze(x, [2]), shape)
    return g.Reshape(many, g.Concat(batch, [HEADS], tokens, [HEAD], axis=0))


def causal_mask(g, positions, keys):
    """0 where a query may see a key, the lowest number elsewhere: [B, 1, T, S]."""
    total = g.Gather(g.Shape(keys), [2], axis=0)
    ones = g.ConstantOfShape(total, value=numpy_helper.from_array(np.ones(1, np.int64)))
    places = g.Sub(g.CumSum(ones, 0), 1)
    seen = g.LessOrEqual(places, g.Unsqueeze(positions, [1, 3]))
    return g.Where(seen, 0.0, float(np.finfo(np.float32).min))


def attention(g, x, layer, tables, state):
    q, k, v = (g.MatMul(x, g.weight(f"{name}.{layer}", HIDDEN, heads * HEAD))
               for name, heads in (("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)))  # fmt: skip
    q, k, v = rotate(g, split(g, q, HEADS), tables), rotate(g, split(g, k, KEY_HEADS), tables), split(g, v, KEY_HEADS)
    k, v = g.Concat(f"past_key.{layer}", k, axis=-2), g.Concat(f"past_value.{layer}", v, axis=-2)
    if "mask" not in state:
        state["mask"] = causal_mask(g, "position_ids", k)
    scores = g.Mul(g.MatMul(q, g.Transpose(repeat(g, k), perm=[0, 1, 3, 2])), HEAD**-0.5)
    shares = g.Softmax(g.Add(scores, state["mask"]), axis=-1)
    joined = g.Transpose(g.MatMul(shares, repeat(g, v)), perm=[0, 2, 1, 3])
    state["presents"] += [(k, f"present_key.{layer}"), (v, f"present_value.{layer}")]
    return g.MatMul(g.Reshape(joined, [0, 0, HIDDEN]), g.weight(f"o.{layer}", HIDDEN, HIDDEN))


def feed_forward(g, x, layer):
    gate = g.MatMul(x, g.weight(f"gate.{layer}", HIDDEN, INNER))
    up = g.MatMul(x, g.weight(f"up.{layer}", HIDDEN, INNER))
    active = g.Mul(gate, g.Sigmoid(gate))
    return g.MatMul(g.Mul(active, up), g.weight(f"down.{layer}", INNER, HIDDEN))


def make_model():
    g = Graph(seed=11)
    x = g.Gather(g.weight("words", WORDS, HIDDEN, scale=1.0), "input_ids")
    tables, state = rotary_tables(g, "position_ids"), {"presents": []}
    for layer in range(LAYERS):
        x = g.Add(x, attention(g, norm(g, x, f"norm_1.{layer}"), layer, tables, state))
        x = g.Add(x, feed_forward(g, norm(g, x, f"norm_2.{layer}"), layer))
    logits = g.MatMul(norm(g, x, "norm"), g.weight("head", HIDDEN, WORDS))
    for inner, outer in [(logits, "logits"), *state["presents"]]:
        g.nodes.append(helper.make_node("Identity", [inner], [outer]))
    tokens, cache = ["batch", "tokens"], ["batch", KEY_HEADS, "past", HEAD]
    names = [f"past_{part}.{layer}" for layer in range(LAYERS) for part in ("key", "value")]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in ("input_ids", "position_ids")]
    inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, cache) for name in names]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "tokens", WORDS])]
    outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", KEY_HEADS, "total", HEAD])
                for _, name in state["presents"]]  # fmt: skip
    graph = helper.make_graph(g.nodes, "llama", inputs, outputs, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    onnx.save(make_model(), sys.argv[1])
