"""Has gguf-quantize write blocks, and the PyPI package gguf read them: as near to the values as the package's own blocks,
or ggml's, are. Arguments: a folder to write to."""

import pathlib
import subprocess
import sys

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

# Relative errors (root of the sum of squares) that no format may pass on normal weights; ggml's are 1 to 15 % above ours.
LIMITS = {
    "q4_0": 0.082, "q4_1": 0.071, "q5_0": 0.041, "q5_1": 0.036, "q8_0": 0.0052, "q2_k": 0.265, "q3_k": 0.147, "q4_k": 0.0715,
    "q5_k": 0.036, "q6_k": 0.017, "iq4_nl": 0.075, "iq4_xs": 0.076, "mxfp4": 0.113, "nvfp4": 0.092,
}  # fmt: skip


def relative(values, decoded):
    return np.sqrt(((values - decoded).astype(np.float64) ** 2).sum() / (values.astype(np.float64) ** 2).sum())


folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
values = np.random.default_rng(7).standard_normal((40, 768), dtype=np.float32) * np.float32(0.02)
values.tofile(folder / "values")
for name, limit in LIMITS.items():
    subprocess.run(["gguf-quantize", name, folder / "values", folder / "blocks"], check=True)
    kind = gguf.GGMLQuantizationType[name.upper()]
    decoded = dequantize(np.fromfile(folder / "blocks", dtype=np.uint8), kind).reshape(values.shape)
    error = relative(values, decoded)
    assert error <= limit, f"{name}: error {error} where {limit} is allowed"
    try:
        package = relative(values, dequantize(quantize(values, kind), kind))
    except NotImplementedError:
        continue
    assert error <= package, f"{name}: error {error} where the package has {package}"
