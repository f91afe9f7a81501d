"""Compares two .npy files: compare.py GOT WANTED --max-abs X | --relative-rms X | --tolerance NAME.

Prints the figures, exits 1 above X. NAME is one of dialects/lathe/reference/Tolerance.h: its largest difference, in units
of the largest magnitude wanted or 1, and its relative root mean square."""

import argparse
import pathlib
import re
import sys

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("got")
parser.add_argument("wanted")
parser.add_argument("--max-abs", type=float)
parser.add_argument("--relative-rms", type=float)
parser.add_argument("--tolerance")
arguments = parser.parse_args()

got, wanted = np.load(arguments.got), np.load(arguments.wanted)
if got.shape != wanted.shape or got.dtype != wanted.dtype:
    sys.exit(f"got {got.dtype}{got.shape}, wanted {wanted.dtype}{wanted.shape}")
difference = got.astype(np.float64) - wanted
if not np.isfinite(difference).all():
    sys.exit("values that are not finite")
if arguments.tolerance:
    header = pathlib.Path(__file__).resolve().parents[2] / "dialects/lathe/reference/Tolerance.h"
    found = re.search(rf"Tolerance {arguments.tolerance} = {{\s*([^,\s]+), ([^,\s]+),", header.read_text())
    if not found:
        sys.exit(f"{header} has no tolerance {arguments.tolerance}")
    arguments.max_abs = float(found[1]) * max(1.0, float(np.abs(wanted).max()))
    arguments.relative_rms = float(found[2])
figures = {
    "max_abs": float(np.abs(difference).max()),
    "relative_rms": float(np.sqrt((difference**2).mean() / (wanted.astype(np.float64) ** 2).mean())),
}
print(" ".join(f"{name} {value:.3g}" for name, value in figures.items()))
for name, limit in (("max_abs", arguments.max_abs), ("relative_rms", arguments.relative_rms)):
    if limit is not None and not figures[name] <= limit:
        sys.exit(f"{name} is {figures[name]:.3g}, needed at most {limit:g}")
