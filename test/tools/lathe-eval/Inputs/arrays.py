"""Writes the .npy files of inputs.mlir into a folder."""

import sys

import numpy as np

x = np.array([[1, 2], [3, 4]], np.float32)
arrays = {
    "x": x,
    "half": np.ones((10, 2), np.float16),
    "n": np.array([1, 0], np.int32),
    "long": np.array([1, 0], np.int64),
    "fortran": np.asfortranarray(x),
    "complex": x.astype(np.complex64),
    "wide": np.zeros((2, 3), np.float32),
}
for name, array in arrays.items():
    np.save(f"{sys.argv[1]}/{name}.npy", array)
with open(f"{sys.argv[1]}/x.npy", "rb") as whole, open(f"{sys.argv[1]}/cut.npy", "wb") as cut:
    cut.write(whole.read()[:-4])
