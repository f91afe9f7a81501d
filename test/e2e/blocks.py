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
            name = re.sub(r"(:(cast|transpose|quantize))*$", "", weight["name"])
            blocks[name] = weight["type"], weight["shape"], file.read(weight["bytes"])
    return blocks


def unpack(blocks):
    """The values of one of these weights, by the gguf package."""
    kind, shape, data = blocks
    rows = np.frombuffer(data, np.uint8).reshape(*shape[:-1], -1)
    return gguf.quants.dequantize(rows, gguf.GGMLQuantizationType[kind.upper()])
