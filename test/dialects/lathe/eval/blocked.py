#!/usr/bin/env python3
"""Compares what blocked types mean with ml_dtypes, NumPy and the package gguf.

usage: blocked.py LATHE-EVAL FOLDER

Random bytes, so that every code, subnormal scales and NaN occur, become weights of each type in FOLDER; their values as
f32 must be the same to the bit as those decoded here, and as row blocks too. Blocks of MXFP4 and NVFP4 are put into GGUF's order of codes and
decoded by the package as well.
"""

import re
import subprocess
import sys

import ml_dtypes
import numpy as np
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize

ROWS, COLUMNS = 128, 256
# QLoRA's table, as bitsandbytes publishes it.
NF4 = np.array(
    [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
     -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
     0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0], np.float32)  # fmt: skip
E2M1, E4M3, E5M2, E8M0 = (
    ml_dtypes.float4_e2m1fn,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.float8_e5m2,
    ml_dtypes.float8_e8m0fnu,
)
NAMES = {E2M1: "f4E2M1FN", E4M3: "f8E4M3FN", E5M2: "f8E5M2", E8M0: "f8E8M0FNU", np.float16: "f16", np.float32: "f32",
         ml_dtypes.bfloat16: "bf16", np.int8: "i8", np.uint8: "ui8", None: "none"}  # fmt: skip


def take_bits(data, width):
    """Codes of `width` bits, the low bits of a byte first."""
    bits = np.unpackbits(data, axis=-1, bitorder="little").reshape(*data.shape[:-1], -1, width)
    return (bits.astype(np.uint8) << np.arange(width, dtype=np.uint8)).sum(-1).astype(np.uint8)


def integer(width, signed):
    def decode(codes):
        values = codes.astype(np.float32)
        return np.where(codes >= 1 << (width - 1), values - (1 << width), values) if signed else values

    return ("i" if signed else "ui") + str(width), width, decode


def floating(dtype, width):
    return NAMES[dtype], width, lambda codes: codes.view(dtype).astype(np.float32)


nf4 = ("!lathe.nf4", 4, lambda codes: NF4[codes])


class Case:
    """A type, its bytes, and what they mean."""

    def __init__(self, code, rows, columns, scale=None, zero=None, outer=None, shared=None):
        self.code, self.width, self.decode = code
        self.rows, self.columns, self.scale, self.zero, self.outer, self.shared = rows, columns, scale, zero, outer, shared
        text = NAMES[scale] if not shared else (
            f"!lathe.blocked<ui8, block = [{shared[0]}, {shared[1]}], scale = f32, zero = none, outer_scale = none>")  # fmt: skip
        self.type = (f"!lathe.blocked<{code[0]}, block = [{rows}, {columns}], scale = {text}, zero = {NAMES[zero]}, "
                     f"outer_scale = {NAMES[outer]}>")  # fmt: skip

    def row_blocks(self):
        """The type that `lathe.pack_blocks` makes of it, or None where it stays."""
        alone = self.rows == 1 and not self.shared and not self.outer and self.scale in (np.float32, np.float16)
        columns = self.columns if self.columns > 1 else COLUMNS
        return None if alone else (f"!lathe.blocked<{self.code}, block = [1, {columns}], scale = f32, "
                                   f"zero = {NAMES[self.zero]}, outer_scale = none>")  # fmt: skip

    def parts(self):
        """Bytes of a scale's scale, of the scales, of a zero and of the codes of one scale."""
        size = lambda dtype: np.dtype(dtype).itemsize if dtype else 0
        count = self.shared[0] * self.shared[1] if self.shared else 1
        scale = (4, count) if self.shared else (0, size(self.scale))
        return *scale, size(self.zero), -(-self.rows * self.columns * self.width // 8), count

    def make(self, random):
        *_, count = self.parts()
        shared, scale, zero, codes, _ = self.parts()
        cells = ROWS * COLUMNS // (self.rows * self.columns * count)
        self.outer_bytes = random.standard_normal(1).astype(self.outer) if self.outer else np.zeros(0, np.float32)
        self.cells = random.integers(0, 256, (cells, shared + scale + count * (zero + codes)), dtype=np.uint8)
        return self.outer_bytes.tobytes() + self.cells.tobytes()

    def values(self):
        shared, scale, zero, codes, count = self.parts()
        read = lambda data, dtype: np.ascontiguousarray(data).view(dtype).astype(np.float32)
        head, blocks = self.cells[:, : shared + scale], self.cells[:, shared + scale :].reshape(-1, count, zero + codes)
        if self.shared:
            scales = head[:, 4:].astype(np.float32) * read(head[:, :4], np.float32)
        else:
            scales = read(head, self.scale) if self.scale else np.ones((len(head), 1), np.float32)
        if self.outer:
            scales = scales * self.outer_bytes.astype(np.float32)
        numbers = self.decode(take_bits(blocks[..., zero:], self.width))[..., : self.rows * self.columns]
        if self.zero:
            numbers = numbers - read(blocks[..., :zero], self.zero)
        values = numbers * scales[..., None]
        down, across = self.shared or (1, 1)
        cell_rows, cell_columns = down * self.rows, across * self.columns
        values = values.reshape(ROWS // cell_rows, COLUMNS // cell_columns, down, across, self.rows, self.columns)
        return values.transpose(0, 2, 4, 1, 3, 5).reshape(ROWS, COLUMNS)


CASES = {
    "int8_tensor": Case(integer(8, True), 1, 1, outer=np.float32),
    "int8_channel": Case(integer(8, True), 1, COLUMNS, np.float32),
    "int8_g64": Case(integer(8, True), 1, 64, np.float16),
    "int4_g32": Case(integer(4, True), 1, 32, np.float16),
    "uint4_g128": Case(integer(4, False), 1, 128, np.float16, np.int8),
    "int3_g64": Case(integer(3, True), 1, 64, np.float16),
    "uint3_g32": Case(integer(3, False), 1, 32, np.float16, np.int8),
    "int2_bf16": Case(integer(2, True), 1, 16, ml_dtypes.bfloat16, np.uint8),
    "fp8_e4m3_channel": Case(floating(E4M3, 8), 1, COLUMNS, np.float32),
    "fp8_e4m3_block": Case(floating(E4M3, 8), 128, 128, np.float32),
    "fp8_e5m2_tensor": Case(floating(E5M2, 8), 1, 1, outer=np.float32),
    "nf4": Case(nf4, 1, 64, np.float32),
    "nf4_double": Case(nf4, 1, 64, shared=(64, 4)),
    "mxfp4": Case(floating(E2M1, 4), 1, 32, E8M0),
    "nvfp4": Case(floating(E2M1, 4), 1, 16, E4M3, outer=np.float32),
}


def decode_by_gguf(name, case):
    """The values of MXFP4 and NVFP4 by the package, which has code i beside code i + half of a block."""
    scales, codes = case.cells[:, :1], take_bits(case.cells[:, 1:], 4)
    half = codes.shape[1] // 2
    mixed = codes[:, :half] | codes[:, half:] << 4
    if name == "mxfp4":
        return dequantize(np.hstack([scales, mixed]).reshape(ROWS, -1), GGMLQuantizationType.MXFP4)
    blocks = np.hstack([scales.reshape(-1, 4), mixed.reshape(-1, 32)])  # four blocks of 16 in one of the file's
    return dequantize(blocks.reshape(ROWS, -1), GGMLQuantizationType.NVFP4) * case.outer_bytes


def main():
    tool, folder = sys.argv[1:]
    random = np.random.default_rng(3)
    text = 'module attributes {lathe.files = ["weights.bin"]} {\n'
    data = b""
    for name, case in CASES.items():
        packed = case.make(random)
        weight = f"tensor<{ROWS}x{COLUMNS}x{case.type}>"
        result = f"tensor<{ROWS}x{COLUMNS}xf32>"
        text += (f'func.func @{name}() -> {result} {{\n'
                 f'  %w = lathe.weight "w" file 0 offset {len(data)} bytes {len(packed)} : {weight}\n'
                 f"  %v = lathe.cast %w : {weight} -> {result}\n  return %v : {result}\n}}\n")  # fmt: skip
        if case.row_blocks():
            rows = f"tensor<{ROWS}x{COLUMNS}x{case.row_blocks()}>"
            text += (f'func.func @rows_{name}() -> {result} {{\n'
                     f'  %w = lathe.weight "w" file 0 offset {len(data)} bytes {len(packed)} : {weight}\n'
                     f"  %p = lathe.pack_blocks %w : {weight} -> {rows}\n"
                     f"  %v = lathe.cast %p : {rows} -> {result}\n  return %v : {result}\n}}\n")  # fmt: skip
        data += packed
    with open(f"{folder}/model.mlir", "w") as file:
        file.write(text + "}\n")
    with open(f"{folder}/weights.bin", "wb") as file:
        file.write(data)
    output = subprocess.run([tool, f"{folder}/model.mlir"], capture_output=True, text=True)
    if output.returncode:
        sys.exit(output.stderr)
    found = re.findall(r"@(\w+)\n.*?= (.*)\n", output.stdout)
    assert [name for name, _ in found if not name.startswith("rows_")] == list(CASES), output.stdout[:200]
    failures = 0
    for function, numbers in found:
        name = function.removeprefix("rows_")
        values = np.array(re.sub(r"[][,]", " ", numbers).split(), np.float32).reshape(ROWS, COLUMNS)
        with np.errstate(all="ignore"):
            wanted = {"ml_dtypes": CASES[name].values()}
            if name in ("mxfp4", "nvfp4"):
                wanted["gguf"] = decode_by_gguf(name, CASES[name])
        for source, other in wanted.items():
            same = (values == other) | (np.isnan(values) & np.isnan(other))
            if source == "gguf":  # the outer scale comes last there, and codes of NaN and signs of scales mean less
                same |= np.isclose(values, other, rtol=3e-7, atol=0)
                scales = CASES[name].cells[:, 0].reshape(ROWS, -1)
                odd = (scales == 255) if name == "mxfp4" else (scales >= 127)
                same |= np.repeat(odd, COLUMNS // scales.shape[1], 1)
            if not same.all():
                failures += 1
                place = tuple(np.argwhere(~same)[0])
                print(f"{function}: element {place} is {values[place]!r}, {source} says {other[place]!r}")
    sys.exit(failures + check_rounding(tool, folder) + check_rows(tool, folder))


def check_rounding(tool, folder):
    """Rounds all finite f16 numbers to f8E4M3FN; ml_dtypes makes NaN of what is beyond the largest."""
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    kind = f"tensor<{len(numbers)}xf32>"
    with open(f"{folder}/rounding.mlir", "w") as file:
        file.write(f'func.func @rounding() -> {kind} {{\n  %x = lathe.constant dense<"0x{numbers.tobytes().hex()}"> : {kind}\n'
                   f"  %y = lathe.round_e4m3 %x : {kind}\n  return %y : {kind}\n}}\n")  # fmt: skip
    output = subprocess.run([tool, f"{folder}/rounding.mlir"], capture_output=True, text=True, check=True).stdout
    found = np.array(re.sub(r"[][,]", " ", output.split("=", 1)[1]).split(), np.float32)
    wanted = np.clip(numbers, -448, 448).astype(E4M3).astype(np.float32)
    wrong = np.argwhere((found != wanted) | (np.signbit(found) != np.signbit(wanted)))
    if len(wrong):
        place = wrong[0][0]
        print(f"{numbers[place]!r} becomes {found[place]!r}, ml_dtypes says {wanted[place]!r}")
    return len(wrong) > 0


def check_rows(tool, folder):
    """Rounds rows of magnitudes from 2^-40 to 2^40 to f8E4M3FN and i8, each with its scale."""
    generator = np.random.default_rng(4)
    rows = (generator.standard_normal((33, 70)) * np.exp2(generator.integers(-40, 41, (33, 1)))).astype(np.float32)
    rows[::5] *= np.exp2(generator.integers(-12, 1, rows[::5].shape)).astype(np.float32)  # subnormal codes
    kind, scale = "tensor<33x70x{}>", "tensor<33x1xf32>"
    text = f'func.func @rows() -> ({kind.format("f32")}, {scale}, {kind.format("i8")}, {scale}) {{\n'
    text += f'  %x = lathe.constant dense<"0x{rows.tobytes().hex()}"> : {kind.format("f32")}\n'
    for value, code in ("f", "f8E4M3FN"), ("i", "i8"):
        text += f"  %{value}, %s{value} = lathe.round_rows %x : {kind.format('f32')} -> {kind.format(code)}, {scale}\n"
    text += f"  %v = lathe.cast %f : {kind.format('f8E4M3FN')} -> {kind.format('f32')}\n  return %v, %sf, %i, %si : "
    text += f'{kind.format("f32")}, {scale}, {kind.format("i8")}, {scale}\n}}\n'
    with open(f"{folder}/rows.mlir", "w") as file:
        file.write(text)
    output = subprocess.run([tool, f"{folder}/rows.mlir"], capture_output=True, text=True, check=True).stdout
    found = [np.array(re.sub(r"[][,]", " ", line).split(), np.float32) for line in re.findall("= (.*)\n", output)]
    failures = 0
    for codes, scales, most in (*found[:2], 448), (*found[2:], 127):
        wanted_scales = np.abs(rows).max(1, keepdims=True) * np.float32(1 / most)
        scaled = rows * (np.float32(1) / wanted_scales)
        wanted = np.clip(scaled, -448, 448).astype(E4M3) if most == 448 else np.rint(scaled)
        if not (np.array_equal(scales, wanted_scales.ravel()) and np.array_equal(codes, wanted.astype(np.float32).ravel())):
            failures += 1
            print(f"round_rows to codes up to {most} differs from numpy and ml_dtypes")
    return failures


main()
