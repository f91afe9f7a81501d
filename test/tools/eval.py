"""Fails where `lathe eval` prints another perplexity than NumPy finds.

usage: eval.py MODEL TEXT FOLDER [--context N] [--stride N]

The logits of each window are what `lathe run --logits` writes. Where TEXT is a golden.json, the text is the one in it and
the logits are those that torch computed.
"""

import json
import math
import pathlib
import subprocess
import sys

import numpy as np

model, text, folder = map(pathlib.Path, sys.argv[1:4])
options = sys.argv[4:]


def lathe(*arguments, **keywords):
    return subprocess.run(["lathe", *map(str, arguments)], check=True, capture_output=True, **keywords).stdout


def ids_of(data, *options):
    return [int(token) for token in lathe("tokenize", model, *options, input=data).split()]


def logits_of(tokens):
    lathe("run", model, "--tokens", ",".join(map(str, tokens)), "--steps", 0, "--logits", folder / "logits.npy")
    return np.load(folder / "logits.npy")


golden = json.loads(text.read_text()) if text.suffix == ".json" else None
if golden:
    text, torch = folder / "golden.txt", np.load(text.parent / "logits.npy")
    text.write_text(golden["prompt"] + golden["text"])
    logits_of = lambda tokens: torch[: len(tokens)]

found = json.loads(lathe("eval", model, "--perplexity", text, "--json", *options))
tokens, bos = ids_of(text.read_bytes()), ids_of(b"", "--special")
if golden:
    assert bos + tokens == golden["tokens"] + golden["chosen"]
size = found["context"] - len(bos)
surprises, begin, end = [], 0, 0
while end != len(tokens):
    scored, end = end, min(begin + size, len(tokens))
    window = bos + tokens[begin:end]
    rows = logits_of(window).astype(np.float64)[len(bos) + scored - begin - 1 : -1]
    rows -= rows.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(rows).sum(axis=1))
    surprises += list(log_sums - rows[np.arange(len(rows)), tokens[scored:end]])
    begin += found["stride"]

perplexity = math.exp(np.mean(surprises))
wanted = {
    "tokens": len(tokens),
    "perplexity": perplexity,
    "standard_error": perplexity * np.std(surprises, ddof=1) / math.sqrt(len(surprises)),
}
for name, value in wanted.items():
    if abs(found[name] - value) > 1e-5 * value:
        sys.exit(f"{name} is {found[name]}, wanted {value}")
if not golden and found["windows"] < 2:
    sys.exit(f"{text} is too short to test windows")
