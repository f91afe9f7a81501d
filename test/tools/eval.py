"""Fails where `lathe eval` prints another perplexity than NumPy finds.

usage: eval.py MODEL TEXT FOLDER [--context N] [--stride N] [--against SOURCE]

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


def logits_of(tokens, model=model):
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
source = options[options.index("--against") + 1] if "--against" in options else None
surprises, source_surprises, divergences, same, begin, end = [], [], [], [], 0, 0


def log_probabilities(window, first, model):
    rows = logits_of(window, model).astype(np.float64)[first:-1] if model else logits_of(window)[first:-1]
    rows = rows - rows.max(axis=1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))


while end != len(tokens):
    scored, end = end, min(begin + size, len(tokens))
    window = bos + tokens[begin:end]
    first, places = len(bos) + scored - begin - 1, np.arange(end - scored)
    rows = log_probabilities(window, first, None if golden else model)
    surprises += list(-rows[places, tokens[scored:end]])
    if source:
        of_source = log_probabilities(window, first, source)
        source_surprises += list(-of_source[places, tokens[scored:end]])
        divergences += list((np.exp(of_source) * (of_source - rows)).sum(axis=1))
        same += list(of_source.argmax(axis=1) == rows.argmax(axis=1))
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
if source:
    ratio = math.exp(np.mean(surprises) - np.mean(source_surprises))
    wanted = {
        "perplexity": math.exp(np.mean(source_surprises)),
        "ratio": ratio,
        "divergence": np.mean(divergences),
        "divergence_median": np.sort(divergences)[len(divergences) // 2],
        "divergence_greatest": np.max(divergences),
        "same_top": np.mean(same),
    }
    for name, value in wanted.items():
        if abs(found["source"][name] - value) > 1e-4 * value:
            sys.exit(f"{name} is {found['source'][name]}, wanted {value}")
    # The interval of the means of independent values, which neighbouring tokens are nearly.
    for name, values, mean in (
        ("divergence_interval", np.array(divergences), np.mean),
        ("ratio_interval", np.array(surprises) - source_surprises, lambda values: math.exp(np.mean(values))),
    ):
        low, high = found["source"][name]
        error = 1.96 * np.std(values) / math.sqrt(len(values))
        wide = high - low if name == "divergence_interval" else math.log(high / low)
        if not (low < mean(values) < high and 0.5 < wide / (2 * error) < 2):
            sys.exit(f"{name} is {low} to {high}, wanted about {mean(values)} and {2 * error} wide")
if not golden and found["windows"] < 2:
    sys.exit(f"{text} is too short to test windows")
