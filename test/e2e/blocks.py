"""Reads the weights in blocks that an artifact for the CPU holds."""

import json
import re
import subprocess

import gguf
import numpy as np


def inspect(*arguments):
    return subprocess.run(["lathe", "inspect", *arguments], check=True, capture_output=True, text=True).stdout


def read_errors(model):
    """The manifest's ledger of what quantizing lost."""
    return json.loads(inspect("--json", model))["quantization_errors"]


def read_blocks(model):
    """Format, shape and bytes of each weight in blocks, by the name of its tensor."""
    manifest = json.loads(inspect("--json", model))
    section = int(re.search(r"^section weights: .* at (\d+)$", inspect(model), re.M)[1])
    blocks = {}
    with open(model, "rb") as file:
        for weight in manifest["weights"]:
            if weight["name"] not in manifest["quantization"]:
                continue
            file.seek(section + weight["offset"])
            name = re.sub(r"(:(cast|transpose|quantize|join_blocks|reshape|xor))*$", "", weight["name"])
            blocks[name] = weight["type"], weight["shape"], file.read(weight["bytes"])
    return blocks


def unpack(blocks):
    """The values of one of these weights, by the gguf package."""
    kind, shape, data = blocks
    rows = np.frombuffer(data, np.uint8).reshape(*shape[:-1], -1)
    return gguf.quants.dequantize(rows, gguf.GGMLQuantizationType[kind.upper()])


NUMBERS = {"f32": np.float32, "f16": np.float16, "i8": np.int8, "ui8": np.uint8}


def unpack_blocked(blocks):
    """The values of a weight of `!lathe.blocked` whose codes are integers and whose blocks are one row high."""
    kind, shape, data = blocks
    if named := re.fullmatch(r"int(\d)_(?:g(\d+)|channel)", kind):
        # A name of blocks with f32 scales does not say how long they are; their bytes do.
        bits, group, count = named[1], named[2], np.prod(shape)
        group, scale = (group, "f16") if group else (4 * count // (len(data) - count * int(bits) // 8), "f32")
        kind = f"!lathe.blocked<i{bits}, block = [1, {group}], scale = {scale}, zero = none, outer_scale = none>"
    pattern = r"!lathe.blocked<(u?)i(\d), block = \[1, (\d+)\], scale = (\w+), zero = (\w+), outer_scale = none>"
    found = re.fullmatch(pattern, kind)
    assert found, kind
    unsigned, bits, columns, scale, zero = found.groups()
    bits, columns = int(bits), int(columns)
    fields = [("scale", NUMBERS[scale])] + ([("zero", NUMBERS[zero])] if zero != "none" else [])
    parts = np.frombuffer(data, np.dtype(fields + [("codes", np.uint8, (columns * bits // 8,))]))
    codes = (parts["codes"][..., None] >> (np.arange(8 // bits, dtype=np.uint8) * bits)) & np.uint8((1 << bits) - 1)
    codes = codes.reshape(len(parts), columns).astype(np.float32)
    if not unsigned:
        codes -= (codes >= 1 << (bits - 1)) * np.float32(1 << bits)
    if zero != "none":
        codes -= parts["zero"].astype(np.float32)[:, None]
    return (codes * parts["scale"].astype(np.float32)[:, None]).reshape(shape)
