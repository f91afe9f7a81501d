"""Compares two .npy files: compare.py GOT WANTED --max-abs X | --relative-rms X. Prints the figure, exits 1 above X."""

import argparse
import sys

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("got")
parser.add_argument("wanted")
parser.add_argument("--max-abs", type=float)
parser.add_argument("--relative-rms", type=float)
arguments = parser.parse_args()

got, wanted = np.load(arguments.got), np.load(arguments.wanted)
if got.shape != wanted.shape or got.dtype != wanted.dtype:
    sys.exit(f"got {got.dtype}{got.shape}, wanted {wanted.dtype}{wanted.shape}")
difference = got.astype(np.float64) - wanted
if not np.isfinite(difference).all():
    sys.exit("values that are not finite")
figures = {
    "max_abs": float(np.abs(difference).max()),
    "relative_rms": float(np.sqrt((difference**2).mean() / (wanted.astype(np.float64) ** 2).mean())),
}
print(" ".join(f"{name} {value:.3g}" for name, value in figures.items()))
for name, limit in (("max_abs", arguments.max_abs), ("relative_rms", arguments.relative_rms)):
    if limit is not None and not figures[name] <= limit:
        sys.exit(f"{name} is {figures[name]:.3g}, needed at most {limit:g}")
