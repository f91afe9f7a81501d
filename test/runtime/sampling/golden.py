"""Writes golden.json: which tokens each sampler keeps and chooses, by NumPy. usage: golden.py > golden.json

Rows are not written but made by row(), with numbers that are exact in float32; SamplingTest.cpp makes the same.
"""

import json

import numpy as np


def row(size, seed):
    numbers = (np.arange(size, dtype=np.int64) * 7919 + seed * 104729) * 31 % 10007
    return (numbers.astype(np.float64) / 512 - 10).astype(np.float32)


def probabilities(logits):
    exponentials = np.exp(logits.astype(np.float64) - float(logits.max()))
    return exponentials / exponentials.sum()


def up_to(order, p, wanted):
    """The first of `order` until their probabilities reach `wanted`."""
    reached = np.cumsum(p[order]) >= wanted
    return order[: int(np.argmax(reached)) + 1] if reached.any() else order


def keep(logits, options):
    """The ids of the tokens that the filters keep, ascending."""
    tokens = np.arange(len(logits))
    if k := options.get("top_k"):
        tokens = np.sort(np.lexsort((tokens, -logits[tokens]))[:k])
    if 0 < (wanted := options.get("typical_p", 0)) < 1:
        p = probabilities(logits[tokens])
        surprise = -np.log(p)
        tokens = np.sort(tokens[up_to(np.lexsort((tokens, np.abs(surprise - (p * surprise).sum()))), p, wanted)])
    if 0 < (wanted := options.get("top_p", 0)) < 1:
        p = probabilities(logits[tokens])
        tokens = np.sort(tokens[up_to(np.lexsort((tokens, -logits[tokens])), p, wanted)])
    if factor := options.get("min_p"):
        p = probabilities(logits[tokens])
        tokens = tokens[p >= factor * p.max()]
    return tokens


def choose(logits, tokens, temperature, number):
    exponentials = np.exp((logits[tokens].astype(np.float64) - float(logits[tokens].max())) / temperature)
    sums = np.cumsum(exponentials)
    return tokens[min(int(np.searchsorted(sums, number * sums[-1], side="right")), len(tokens) - 1)]


def penalize(logits, recent, options):
    logits = logits.copy()
    for token, count in zip(*np.unique(recent, return_counts=True)):
        repeat = np.float32(options["repeat_penalty"])
        logits[token] = logits[token] / repeat if logits[token] > 0 else logits[token] * repeat
        logits[token] -= np.float32(options["presence_penalty"]) + np.float32(count) * np.float32(options["frequency_penalty"])
    return logits


OPTIONS = [
    {}, {"top_k": 1}, {"top_k": 5}, {"top_k": 100000}, {"top_p": 0.1}, {"top_p": 0.9}, {"top_p": 0.999}, {"top_p": 1.0},
    {"min_p": 0.05}, {"min_p": 0.5}, {"min_p": 1.0}, {"typical_p": 0.2}, {"typical_p": 0.95},
    {"top_k": 40, "top_p": 0.95, "min_p": 0.05}, {"top_k": 20, "typical_p": 0.7, "top_p": 0.8},
]
NUMBERS = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999999]
cases = []
for size, seed in ((7, 1), (50, 2), (1000, 3), (32003, 4)):
    logits = row(size, seed)
    for options in OPTIONS:
        kept = keep(logits, options)
        chosen = {str(t): [int(choose(logits, kept, t, n)) for n in NUMBERS] for t in (0.25, 1.0, 2.0)}
        cases.append({"size": size, "seed": seed, "options": options, "kept": len(kept), "first": kept[:20].tolist(),
                      "sum": int(kept.sum()), "chosen": chosen})
changed = []
for seed, penalties in ((5, (1.5, 0.0, 0.0)), (6, (1.0, 0.5, 0.25)), (7, (1.25, -0.5, 0.125))):
    options = dict(zip(("repeat_penalty", "presence_penalty", "frequency_penalty"), penalties))
    recent = [1, 2, 2, 30, 2, 1]
    changed.append({"seed": seed, "options": options, "recent": recent,
                    "row": [float(x) for x in penalize(row(40, seed), recent, options)]})
logits = row(1000, 8)
p = np.log(probabilities(logits))
likely = np.lexsort((np.arange(1000), -logits))[:10]
print(json.dumps({"numbers": NUMBERS, "cases": cases, "penalties": changed,
                  "likely": likely.tolist(), "log_probabilities": p[likely].tolist()}, indent=1))
