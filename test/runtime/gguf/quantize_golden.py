#!/usr/bin/env python3
"""Writes quantize.golden: the errors of the blocks that ggml writes, for values that QuantizeTest.cpp makes too.

    pip install gguf numpy && ./quantize_golden.py libggml-base.so > quantize.golden

The library is ggml's own, here 0.25.3 as llama-cpp-python 0.3.36 builds it. A line has a format, a set of values, whether
errors are weighted, and the sum of (weighted) squared errors of `ggml_quantize_chunk` divided by that of the values.
ggml decodes with the package gguf, to the bit of which ours is tested. The package encodes some formats itself: these
lines end in a second number, its error.

Values are made of splitmix64 and operations that IEEE 754 rounds one way, so that every language makes the same:
  normal  the sum of four 16-bit uniform numbers, centred, * 0.02
  heavy   a normal one / the square root of a uniform one in (0, 1]: its tail falls as |x|^-3
  light   a normal one / the fourth root of a uniform one: its tail falls as |x|^-5
  trained 65,536 weights of the first matrix with as many of test/models/gguf/pydoc, which keeps them as q8_0
The importance of column i, of 1024, is 1 / a uniform number in (0, 1].
"""
import ctypes
import pathlib
import sys

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

FORMATS = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "mxfp4", "nvfp4"]
COLUMNS, ROWS = 1024, 64


def random_words(seed, count):
    """splitmix64, `count` numbers."""
    z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def normals(words):
    parts = sum((words >> np.uint64(shift) & np.uint64(0xFFFF)).astype(np.int64) for shift in (0, 16, 32, 48))
    return (parts - 131070).astype(np.float64) * (0.02 / 37837.0)


def uniforms(words):
    return ((words >> np.uint64(40)) + np.uint64(1)).astype(np.float64) * 2.0**-24


def make_values(name):
    count = COLUMNS * ROWS
    if name == "trained":
        path = pathlib.Path(__file__).parents[2] / "models" / "gguf" / "pydoc" / "model.gguf"
        tensor = next(t for t in gguf.GGUFReader(path).tensors if t.n_elements >= count)
        return dequantize(tensor.data, tensor.tensor_type).ravel()[:count]
    values = normals(random_words(1, count))
    tails = np.sqrt(uniforms(random_words(2, count)))
    if name == "heavy":
        values = values / tails
    if name == "light":
        values = values / np.sqrt(tails)
    return values.astype(np.float32)


def error(values, decoded, weights):
    difference = values.astype(np.float64) - decoded.astype(np.float64)
    return (weights * difference**2).sum() / (weights * values.astype(np.float64) ** 2).sum()


def main():
    ggml = ctypes.CDLL(sys.argv[1])
    ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
    pointer = ctypes.POINTER(ctypes.c_float)
    importance = (1.0 / uniforms(random_words(3, COLUMNS))).astype(np.float32)
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name.upper()]
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        for values_name in ("normal", "light", "heavy", "trained"):
            values = np.ascontiguousarray(make_values(values_name))
            for weighted in (False, True):
                blocks = np.zeros(values.size // weights * size, dtype=np.uint8)
                ggml.ggml_quantize_chunk(
                    ctypes.c_int(kind), values.ctypes.data_as(pointer), blocks.ctypes.data_as(ctypes.c_void_p),
                    ctypes.c_int64(0), ctypes.c_int64(ROWS), ctypes.c_int64(COLUMNS),
                    importance.ctypes.data_as(pointer) if weighted else None)  # fmt: skip
                each = np.tile(importance.astype(np.float64), ROWS) if weighted else np.ones(values.size)
                line = f"{name} {values_name} {int(weighted)} {error(values, dequantize(blocks, kind), each):.9e}"
                try:
                    line += f" {error(values, dequantize(quantize(values, kind), kind), each):.9e}"
                except NotImplementedError:
                    line += " -"
                print(line)


main()
