"""Fails where `lathe embed` is not what the vectors of the tokens give: embed.py MODEL FOLDER."""

import json
import pathlib
import subprocess
import sys

import numpy as np

model, folder = map(pathlib.Path, sys.argv[1:])
TEXTS = ["the cat and the hat", "", "working of ed.", "a"]


def lathe(*arguments, text=""):
    done = subprocess.run(["lathe", *map(str, arguments)], check=True, capture_output=True, input=text.encode())
    return done.stdout.decode()


def embed(*arguments, text=""):
    return np.array([json.loads(line) for line in lathe("embed", model, *arguments, text=text).splitlines()], np.float32)


lines = "\n".join(TEXTS)
counts = [len(lathe("tokenize", model, "--special", text=text).split()) for text in TEXTS]
assert counts[1] == 2, "an empty text has the tokens around it alone"
rows = embed("--pooling", "none", text=lines)
assert rows.shape == (sum(counts), 64)
parts = np.split(rows, np.cumsum(counts)[:-1])

mean = embed(text=lines)
np.testing.assert_allclose(mean, [part.astype(np.float64).mean(axis=0) for part in parts], rtol=1e-6, atol=1e-7)
assert (embed("--pooling", "mean", text=lines) == mean).all()
assert (embed("--pooling", "cls", text=lines) == [part[0] for part in parts]).all()
assert (embed("--pooling", "last", text=lines) == [part[-1] for part in parts]).all()
normal = embed("--normalize", text=lines)
np.testing.assert_allclose(normal, mean / np.linalg.norm(mean.astype(np.float64), axis=1, keepdims=True), rtol=1e-5)

# One text has the same bits alone, as an argument, as a file and in .npy.
(folder / "text").write_text(TEXTS[2])
alone = embed("-p", TEXTS[2])
assert (alone == mean[2]).all() and (embed("-f", folder / "text") == alone).all()
assert (embed("-p", TEXTS[0], "-f", folder / "text", "-p", TEXTS[3]) == mean[[0, 3, 2]]).all()
ids = ",".join(lathe("tokenize", model, "--special", text=TEXTS[2]).split())
assert (embed("--tokens", ids, "-p", TEXTS[0], "--tokens", ids) == mean[[0, 2, 2]]).all()
assert lathe("embed", model, "-o", folder / "out.npy", text=lines) == ""
assert (np.load(folder / "out.npy") == mean).all()
# More texts than one call takes.
assert (embed(text="\n".join(TEXTS * 5)) == np.concatenate([mean] * 5)).all()
print(f"{len(TEXTS)} texts of {counts} tokens")
