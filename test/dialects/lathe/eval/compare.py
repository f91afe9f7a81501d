#!/usr/bin/env python3
"""Compares operations on random operands with ONNX's reference evaluator, and rope with NumPy.

usage: compare.py LATHE-EVAL FILE.mlir

Writes FILE.mlir with one function a case, its operands as constants, runs it and compares what comes out. The tolerance
is that of f32 sums of up to 200 products in ONNX's evaluator; ours accumulate in f64.
"""

import ast
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(7)


def array(*shape):
    return random.standard_normal(shape).astype(np.float32)


def tensor_type(value):
    element = {"float32": "f32", "int32": "i32"}[value.dtype.name]
    return "tensor<" + "".join(f"{size}x" for size in value.shape) + element + ">"


def function(name, operands, call, result):
    """The text of a case. In `call`, $i is operand i and #i its type, $r the result's type."""
    text = f"func.func @{name}() -> {tensor_type(result)} {{\n"
    for i, value in enumerate(operands):
        text += f'  %x{i} = lathe.constant dense<"0x{value.tobytes().hex()}"> : {tensor_type(value)}\n'
        call = call.replace(f"${i}", f"%x{i}").replace(f"#{i}", tensor_type(value))
    call = call.replace("$r", tensor_type(result))
    return text + f"  %y = {call}\n  return %y : {tensor_type(result)}\n}}\n"


def evaluate(op, operands, **attributes):
    """What ONNX says about one node."""
    names = [f"x{i}" for i in range(len(operands))]
    inputs = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, x.shape) for n, x in zip(names, operands)]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph([onnx.helper.make_node(op, names, ["y"], **attributes)], "case", inputs, [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    return ReferenceEvaluator(model).run(None, dict(zip(names, operands)))[0]


def windows(attributes):
    return " ".join(f"{key} {attributes[key]}" for key in ("strides", "pads", "dilations"))


def conv(size, filters, groups, **attributes):
    operands = [array(*size), array(*filters)]
    call = f"lathe.conv $0, $1 {windows(attributes)} groups {groups} : #0, #1 -> $r"
    return operands, call, evaluate("Conv", operands, group=groups, **attributes)


def max_pool(size, window, **attributes):
    operands = [array(*size)]
    call = f"lathe.max_pool $0 window {window} {windows(attributes)} : #0 -> $r"
    return operands, call, evaluate("MaxPool", operands, kernel_shape=window, **attributes)


def softmax(*shape):
    operands = [array(*shape) * 10]
    return operands, "lathe.softmax $0 : #0", evaluate("Softmax", operands, axis=-1)


def matmul(lhs, rhs):
    operands = [array(*lhs), array(*rhs)]
    return operands, "lathe.matmul $0, $1 : #0, #1 -> $r", evaluate("MatMul", operands)


def layer_norm(*shape, axis):
    operands = [array(*shape), array(*shape[axis:]), array(*shape[axis:])]
    call = f"lathe.layer_norm $0 scale $1 : #1 bias $2 : #2 axis {axis} epsilon 1.0e-05 : #0"
    return operands, call, evaluate("LayerNormalization", operands, axis=axis)


def attention(batch, heads, key_heads, tokens, keys, mask):
    """With NumPy: ONNX's operator came after the opset of these cases."""
    query, key, value = array(batch, heads, tokens, 8), array(batch, key_heads, keys, 8), array(batch, key_heads, keys, 5)
    operands = [query, key, value, array(*mask)]
    scores = query @ np.repeat(key, heads // key_heads, 1).swapaxes(2, 3) * 0.5 + operands[3]
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    call = "lathe.attention $0, $1, $2 mask $3 : #3 scale 0.5 : #0, #1, #2 -> $r"
    return operands, call, weights @ np.repeat(value, heads // key_heads, 1)


def rope(shape, pairing, base, dimensions):
    """Turns the pairs as complex numbers, which is another way to say it than the operation's loops."""
    x, positions = array(*shape), random.integers(0, 3000, (shape[0], 1), dtype=np.int32)
    angles = positions * base ** (-2.0 * np.arange(dimensions // 2) / dimensions)
    if pairing == "adjacent":
        first, second = np.arange(0, dimensions, 2), np.arange(1, dimensions, 2)
    else:
        first, second = np.arange(dimensions // 2), np.arange(dimensions // 2, dimensions)
    turned = (x[..., first] + 1j * x[..., second]) * np.exp(1j * angles)[:, None, :]
    result = x.copy()
    result[..., first], result[..., second] = turned.real, turned.imag
    return [x, positions], f"lathe.rope $0, $1 {pairing} base {base:e} dimensions {dimensions} : #0, #1", result


CASES = {
    "conv_plain": conv((2, 3, 7, 6), (4, 3, 3, 3), 1, strides=[1, 1], pads=[0, 0, 0, 0], dilations=[1, 1]),
    "conv_strides": conv((1, 4, 9, 8), (6, 4, 3, 2), 1, strides=[2, 3], pads=[1, 0, 2, 1], dilations=[1, 1]),
    "conv_dilated": conv((1, 2, 9, 9), (3, 2, 3, 2), 1, strides=[1, 2], pads=[2, 1, 0, 3], dilations=[2, 3]),
    "conv_groups": conv((2, 6, 5, 5), (9, 2, 3, 3), 3, strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1]),
    "conv_depthwise": conv((1, 4, 5, 5), (4, 1, 1, 5), 4, strides=[1, 1], pads=[0, 2, 0, 2], dilations=[1, 1]),
    "max_pool_plain": max_pool((2, 3, 8, 8), [2, 2], strides=[2, 2], pads=[0, 0, 0, 0], dilations=[1, 1]),
    "max_pool_padded": max_pool((1, 2, 7, 9), [3, 2], strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 1]),
    "max_pool_dilated": max_pool((1, 1, 9, 9), [2, 3], strides=[1, 2], pads=[0, 0, 0, 0], dilations=[3, 2]),
    "matmul_batch": matmul((2, 3, 4, 5), (2, 3, 5, 6)),
    "matmul_broadcast": matmul((4, 1, 2, 5), (3, 5, 6)),
    "matmul_one_rhs": matmul((3, 4, 5), (5, 6)),
    "layer_norm_rows": layer_norm(4, 37, axis=1),
    "layer_norm_planes": layer_norm(2, 3, 5, axis=1),
    "attention_mask_for_all": attention(2, 4, 4, 3, 7, (1, 1, 3, 7)),
    "attention_grouped": attention(2, 6, 2, 4, 9, (2, 6, 1, 9)),
    "softmax_rows": softmax(5, 33),
    "softmax_cube": softmax(2, 3, 4),
    "rope_adjacent": rope((3, 2, 8), "adjacent", 10000.0, 8),
    "rope_halves": rope((3, 2, 8), "halves", 10000.0, 8),
    "rope_part": rope((4, 1, 10), "halves", 500000.0, 6),
}


def main():
    tool, path = sys.argv[1:]
    with open(path, "w") as file:
        file.writelines(function(name, *case) for name, case in CASES.items())
    lines = subprocess.run([tool, path], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = dict(re.findall(r"^@(\w+)\n.* = (.*)$", lines, re.MULTILINE))
    failed = 0
    for name, (_, _, wanted) in CASES.items():
        difference = np.abs(np.array(ast.literal_eval(found[name])) - wanted)
        allowed = 1e-6 + 1e-5 * np.abs(wanted)
        failed += bool((difference > allowed).any())
        print(f"{name}: largest difference {difference.max():.1e}", "FAILED" if (difference > allowed).any() else "")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
