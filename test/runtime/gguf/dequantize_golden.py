#!/usr/bin/env python3
"""Writes dequantize.golden: what the PyPI package gguf (with numpy) decodes, one hash a block.

    pip install gguf numpy && ./dequantize_golden.py > dequantize.golden
    ./dequantize_golden.py q4_k 3        # prints bytes and values of one block

A block is pseudo-random bytes with its scales replaced by special values, so that both sides make it from its number;
DequantizeTest.cpp does the same. The package lacks Q1_0, Q2_0, Q8_1 and Q8_K: those are decoded here, from the
specification.
"""
import sys

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

BLOCKS = 40
# f16: 0, -0, smallest subnormal, largest subnormal, smallest normal, 1, -1, largest, -largest, inf, -inf, NaN
HALVES = [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00]
# Byte offsets of the f16 scales; the second runs through HALVES at another pace.
SCALES = {
    "f16": [0], "q4_0": [0], "q4_1": [0, 2], "q5_0": [0], "q5_1": [0, 2], "q8_0": [0], "q2_k": [80, 82],
    "q3_k": [108], "q4_k": [0, 2], "q5_k": [0, 2], "q6_k": [208], "iq4_nl": [0], "iq4_xs": [0], "tq1_0": [52],
    "tq2_0": [64], "mxfp4": [], "nvfp4": [], "bf16": [], "q1_0": [0], "q2_0": [0], "q8_1": [0], "q8_k": [],
    "iq1_s": [0], "iq1_m": [], "iq2_xxs": [0], "iq2_xs": [0], "iq2_s": [0], "iq3_xxs": [0], "iq3_s": [0],
}  # fmt: skip
# Exponent bytes of mxfp4 and nvfp4 that need care, put first in the block.
EXPONENTS = {"mxfp4": [0, 1, 2, 254, 255], "nvfp4": [0, 1, 7, 8, 0x7E, 0x7F, 0x80, 0xFF]}
SINGLES = [0x00000000, 0x80000000, 0x00000001, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000]
SIZES = {"q1_0": (128, 18), "q2_0": (64, 18), "q8_1": (32, 36), "q8_k": (256, 292)}


def sizes(name):
    return SIZES.get(name) or GGML_QUANT_SIZES[GGMLQuantizationType[name.upper()]]


def random_bytes(seed, count):
    """splitmix64, low byte first."""
    out = bytearray()
    mask = (1 << 64) - 1
    while len(out) < count:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out += (z ^ (z >> 31)).to_bytes(8, "little")
    return out[:count]


def make_block(name, index):
    block = random_bytes(index + 1, sizes(name)[1])
    for i, at in enumerate(SCALES[name]):
        pace = index if i == 0 else index * 5 + 3
        if index < 3 * len(HALVES):  # the last blocks keep random scales
            block[at : at + 2] = HALVES[pace % len(HALVES)].to_bytes(2, "little")
    if name == "iq1_m" and index < 3 * len(HALVES):  # a nibble of the scale in each u16
        for i in range(4):
            block[49 + i * 2] = block[49 + i * 2] & 15 | (HALVES[index % len(HALVES)] >> i * 4 & 15) << 4
    if name == "q8_k" and index < len(SINGLES):
        block[:4] = SINGLES[index].to_bytes(4, "little")
    if name in EXPONENTS:
        block[0] = EXPONENTS[name][index % len(EXPONENTS[name])]
    return bytes(block)


def decode(name, block):
    raw = np.frombuffer(block, dtype=np.uint8)
    if name == "q8_1":
        return raw[:2].view(np.float16).astype(np.float32) * raw[4:].view(np.int8).astype(np.float32)
    if name == "q8_k":
        return raw[:4].view(np.float32) * raw[4:260].view(np.int8).astype(np.float32)
    if name in SIZES:
        bits = 8 * (sizes(name)[1] - 2) // sizes(name)[0]
        codes = (raw[2:, None] >> np.arange(0, 8, bits, dtype=np.uint8)) & (2**bits - 1)
        levels = np.array([-1, 1] if bits == 1 else [-1, 0, 1, 2], dtype=np.float32)
        return raw[:2].view(np.float16).astype(np.float32) * levels[codes.ravel()]
    return dequantize(raw, GGMLQuantizationType[name.upper()])


def hash_values(values):
    """FNV-1a over 32-bit words; every NaN is one NaN, since its payload is the processor's business."""
    words = np.where(np.isnan(values), np.float32(0).view(np.uint32) + np.uint32(0x7FC00000), values.view(np.uint32))
    state = 0xCBF29CE484222325
    for word in words.tolist():
        state = ((state ^ word) * 0x100000001B3) & ((1 << 64) - 1)
    return state


def main():
    np.seterr(all="ignore")
    if len(sys.argv) == 3:
        block = make_block(sys.argv[1], int(sys.argv[2]))
        print(block.hex())
        print(decode(sys.argv[1], block).tolist())
        return
    for name in SCALES:
        for index in range(BLOCKS):
            print(f"{name} {index} {hash_values(decode(name, make_block(name, index))):016x}")


if __name__ == "__main__":
    main()
