#!/usr/bin/env python3
"""Packs normal weights into blocked types and compares the error with the plain rules of NumPy, ml_dtypes and gguf.

usage: blocked_packing.py LATHE-EVAL FILE.mlir

The plain rule is a scale of the largest magnitude / the largest code, and the nearest code. The search of scales may not
do worse in any block, and its values must lie on the grid that some scale of the type gives.
"""

import re
import subprocess
import sys

import ml_dtypes
import numpy as np
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize, quantize

ROWS, COLUMNS = 8, 256
PLAIN = "zero = none, outer_scale = none"


def absmax(block, largest):
    return np.abs(block).max(-1, keepdims=True) / np.float32(largest)


def symmetric(bits, block):
    scale = absmax(block, 2 ** (bits - 1) - 1).astype(np.float16).astype(np.float32)
    return np.clip(np.rint(block / scale), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * scale


def asymmetric(bits, block):
    low, high = np.minimum(block.min(-1, keepdims=True), 0), np.maximum(block.max(-1, keepdims=True), 0)
    scale = ((high - low) / (2**bits - 1)).astype(np.float16).astype(np.float32)
    zero = np.rint(-low / scale)
    return (np.clip(np.rint(block / scale) + zero, 0, 2**bits - 1) - zero) * scale


def floating(dtype, largest, block):
    scale = absmax(block, largest)
    return (block / scale).astype(dtype).astype(np.float32) * scale


def by_gguf(format, block):
    rows = block.reshape(-1, block.shape[-1])
    return dequantize(quantize(rows, format), format).reshape(block.shape)


def nvfp4(block):
    outer = np.abs(block).max() / np.float32(6 * 448)
    scale = (absmax(block, 6) / outer).astype(ml_dtypes.float8_e4m3fn).astype(np.float32) * outer
    return (block / scale).astype(ml_dtypes.float4_e2m1fn).astype(np.float32) * scale


# Name, type, columns of a block, the plain rule.
CASES = [
    ("int8", f"i8, block = [1, 256], scale = f32, {PLAIN}", 256, lambda b: symmetric(8, b)),
    ("int4", f"i4, block = [1, 32], scale = f16, {PLAIN}", 32, lambda b: symmetric(4, b)),
    ("int3", f"i3, block = [1, 64], scale = f16, {PLAIN}", 64, lambda b: symmetric(3, b)),
    ("uint4", "ui4, block = [1, 128], scale = f16, zero = i8, outer_scale = none", 128, lambda b: asymmetric(4, b)),
    ("uint3", "ui3, block = [1, 32], scale = f16, zero = i8, outer_scale = none", 32, lambda b: asymmetric(3, b)),
    ("e4m3", f"f8E4M3FN, block = [1, 256], scale = f32, {PLAIN}", 256,
     lambda b: floating(ml_dtypes.float8_e4m3fn, 448, b)),
    ("e5m2", f"f8E5M2, block = [1, 256], scale = f32, {PLAIN}", 256,
     lambda b: floating(ml_dtypes.float8_e5m2, 57344, b)),
    ("mxfp4", f"f4E2M1FN, block = [1, 32], scale = f8E8M0FNU, {PLAIN}", 32,
     lambda b: by_gguf(GGMLQuantizationType.MXFP4, b)),
    ("nvfp4", "f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32", 16, nvfp4),
]  # fmt: skip


def main():
    tool, path = sys.argv[1:]
    weights = np.random.default_rng(5).normal(0, 0.02, (ROWS, COLUMNS)).astype(np.float32)
    plain = f"tensor<{ROWS}x{COLUMNS}xf32>"
    with open(path, "w") as file:
        for name, type, *_ in CASES:
            packed = f"tensor<{ROWS}x{COLUMNS}x!lathe.blocked<{type}>>"
            file.write(
                f"func.func @{name}() -> {plain} {{\n"
                f'  %x = lathe.constant dense<"0x{weights.tobytes().hex()}"> : {plain}\n'
                f"  %q = lathe.quantize %x : {plain} -> {packed}\n"
                f"  %v = lathe.cast %q : {packed} -> {plain}\n  return %v : {plain}\n}}\n"
            )
    output = subprocess.run([tool, path], capture_output=True, text=True)
    if output.returncode:
        sys.exit(output.stderr)
    found = dict(re.findall(r"@(\w+)\n.*?= (.*)\n", output.stdout))
    failures = 0
    for name, _, columns, rule in CASES:
        values = np.array(re.sub(r"[][,]", " ", found[name]).split(), np.float32)
        blocks, wanted = values.reshape(-1, columns), rule(weights.reshape(-1, columns))
        source = weights.reshape(-1, columns)
        own, other = (((v - source) ** 2).sum(-1) for v in (blocks, wanted))
        if (own > other * 1.0001).any():
            failures += 1
            print(f"{name}: block {np.argmax(own / other)} has the error {own.max()}, the plain rule {other.max()}")
    sys.exit(failures)


main()
