"""Checks what quantizing a GGUF model made.

usage: quantize.py patch MODEL.lathe FILE.gguf OUT.gguf
       quantize.py errors MODEL.lathe SOURCE.gguf
       quantize.py formats REMARKS FILE.gguf

`patch`: writes FILE, which has the same tensors in the same formats, with the blocks of MODEL in their place. `errors`: the
errors in the manifest are those between the values of the source and those that the gguf package finds in the blocks, and
no larger than those of blocks that the package makes. `formats`: the formats in REMARKS are those of the file's tensors.
"""

import re
import sys

import gguf
import numpy as np
from blocks import read_blocks, read_errors, unpack


def read_tensors(path):
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def patch(model, path, out):
    data, tensors, blocks = bytearray(open(path, "rb").read()), read_tensors(path), read_blocks(model)
    assert len(blocks) > 10
    for name, (kind, shape, content) in blocks.items():
        tensor = tensors[name]
        assert tensor.tensor_type.name == kind.upper() and list(tensor.shape) == shape[::-1], (name, kind, shape)
        assert len(content) == tensor.n_bytes
        data[tensor.data_offset : tensor.data_offset + tensor.n_bytes] = content
    open(out, "wb").write(data)


def measure(values, rounded):
    error = rounded.astype(np.float64) - values
    return {
        "mean_square": (values**2).mean(),
        "mse": (error**2).mean(),
        "max_error": np.abs(error).max(),
        "relative_error": np.sqrt((error**2).sum() / (values**2).sum()),
    }


def check_errors(model, source):
    tensors, blocks, errors = read_tensors(source), read_blocks(model), read_errors(model)["tensors"]
    assert len(errors) > 10
    for entry in errors:
        tensor, kind = tensors[entry["name"]], gguf.GGMLQuantizationType[entry["format"].upper()]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float64)
        assert entry["from"] == tensor.tensor_type.name.lower() and entry["shape"] == list(values.shape), entry
        wanted = measure(values, unpack(blocks[entry["name"]]))
        for key, value in wanted.items():  # sums of doubles in another order
            assert abs(entry[key] - value) <= 1e-12 * value, (entry, key, value)
        theirs = gguf.quants.dequantize(gguf.quants.quantize(values.astype(np.float32), kind), kind)
        assert entry["mse"] <= measure(values, theirs)["mse"], entry


def check_formats(remarks, path):
    got = dict(re.findall(r"'([^']+)' becomes (\w+) from", open(remarks).read()))
    wanted = {
        name: tensor.tensor_type.name.lower()
        for name, tensor in read_tensors(path).items()
        if tensor.tensor_type not in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16)
    }
    assert len(wanted) > 10 and got == wanted, sorted(set(got.items()) ^ set(wanted.items()))


{"patch": patch, "errors": check_errors, "formats": check_formats}[sys.argv[1]](*sys.argv[2:])
