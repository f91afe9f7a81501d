"""Compares logits of 8-bit products with those in f32 and with llama.cpp's own: int8.py GOT.npy GOLDEN_DIR.

`logits.npy` of the folder is f32, `logits_native.npy` what llama.cpp's 8-bit products give. Two figures: the mean square of
differences from f32 over that of the logits (NMSE), and the mean KL divergence of each position's probabilities. Neither
may be more than 2 % larger than llama.cpp's. Both sides round rows to 8 bits, llama.cpp 256 elements at a time where weights are K
blocks: there its figures are twice ours. Elsewhere both round the same 32 elements, llama.cpp with a scale in f16, and the
figures are equal but for which codes fall to which side of a half: within a hundredth on 32 positions, hence the 2 %.
A product that is wrong is off by whole factors.
"""

import sys

import numpy as np


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def figures(got, wanted):
    truth = log_softmax(wanted)
    return {
        "NMSE": ((got - wanted) ** 2).mean() / (wanted**2).mean(),
        "KL": (np.exp(truth) * (truth - log_softmax(got))).sum(axis=1).mean(),
    }


got, folder = np.load(sys.argv[1]).astype(np.float64), sys.argv[2]
wanted, native = (np.load(f"{folder}/{name}.npy").astype(np.float64) for name in ("logits", "logits_native"))
if got.shape != wanted.shape or not np.isfinite(got).all():
    sys.exit(f"got {got.shape}, wanted {wanted.shape}, all finite")
ours, theirs = figures(got, wanted), figures(native, wanted)
for name in ours:
    print(f"{name} {ours[name]:.3g}, llama.cpp {theirs[name]:.3g}")
    if not 0 < ours[name] <= 1.02 * theirs[name]:
        sys.exit(f"{name} is {ours[name]:.4g}, needed above 0 and at most 1.02 times llama.cpp's {theirs[name]:.4g}")
