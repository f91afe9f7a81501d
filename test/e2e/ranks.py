"""Compares what all ranks of a model compute together with what one device computes, both by the reference.

usage: ranks.py SCRATCH RANKS MODEL [FLAG...]

MODEL is GGUF, with golden.json beside it or not, or ONNX. FLAGs are lathec's. The IR after phase shard runs on RANKS ranks
of lathe-eval, that after phase quantize on one. SCRATCH is a folder, empty afterwards.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

# Sums are cut at other places, which moves single roundings to f32: RewriteF32 of Tolerance.h.
MAX_ABSOLUTE, RELATIVE_RMS = 1e-5, 2e-6


def inputs_of(model):
    """Two texts side by side, as the inputs of a language model or an encoder."""
    golden = model.parent / "golden.json"
    ids = json.loads(golden.read_text())["tokens"][:9] if golden.exists() else [3, 1, 4, 1, 5, 9, 2, 6, 5]
    lengths = [6, 3]
    positions = np.concatenate([np.arange(length) for length in lengths])
    ends = np.cumsum([0, *lengths])
    # A page each: the second text has the first page.
    slots = np.concatenate([page * 16 + np.arange(length) for page, length in zip((1, 0), lengths)])
    arrays = {
        "tokens": np.array(ids[: sum(lengths)]),
        "positions": positions[:, None],
        "row_offsets": ends,
        "lengths": np.array(lengths),
        "block_tables": np.array([[1], [0]]),
        "slots": slots,
        "window_block_tables": np.array([[1], [0]]),
        "window_slots": slots,
        "rows": np.array([0, 4, 5, 8]),
    }
    return {name: array.astype(np.int32) for name, array in arrays.items()}


def evaluate(path, arguments):
    """The results of the first entry by name, those of ranks other than 0 behind a number."""
    run = subprocess.run(["lathe-eval", str(path), *arguments], check=True, capture_output=True, text=True)
    results, rank = {}, 0
    for line in run.stdout.splitlines():
        if match := re.match(r"rank (\d+)", line):
            rank = int(match[1])
        elif match := re.match(r"  (\w+): tensor<[\dx]*x?(f|i)\d+> = (.*)", line):
            results[match[1], rank] = np.array(json.loads(match[3].replace("nan", "NaN")), dtype=np.float64)
    return results


def compare(name, found, wanted):
    assert found.shape == wanted.shape, f"{name}: {found.shape}, needed {wanted.shape}"
    scale = max(1.0, np.abs(wanted).max())
    worst = np.abs(found - wanted).max() / scale
    rms = np.sqrt(((found - wanted) ** 2).mean() / max((wanted**2).mean(), 1e-30))
    assert worst <= MAX_ABSOLUTE and rms <= RELATIVE_RMS, f"{name}: off by {worst:.2e} at most, {rms:.2e} rms"
    return rms


def main():
    scratch, ranks, model, *flags = sys.argv[1:]
    scratch, model = pathlib.Path(scratch), pathlib.Path(model)
    if model.is_dir():
        model = model / "model.gguf"
    scratch.mkdir(parents=True, exist_ok=True)
    whole, split = scratch / "whole.mlir", scratch / "split.mlir"
    subprocess.run(["lathec", model, "-q", "--stop-after=quantize", *[f for f in flags if not f.startswith("--shard")],
                    "-o", whole], check=True)  # fmt: skip
    subprocess.run(["lathec", model, "-q", "--stop-after=shard", f"--tensor-parallel={ranks}", *flags, "-o", split],
                   check=True)  # fmt: skip
    text = split.read_text()
    collectives = text.count("lathe.all_reduce") + text.count("lathe.all_gather")
    assert collectives, "nothing is split"
    arguments = ["--pages=2"]
    if model.suffix == ".gguf":
        entry = re.search(r'func\.func @(\w+)\(.*lathe.entry = "(?:language_model|encoder)"', text)[1]
        signature = next(line for line in text.splitlines() if f"func.func @{entry}(" in line)
        arguments += [f"--entry={entry}"]
        for name, array in inputs_of(model).items():
            if f'lathe.name = "{name}"' in signature:
                np.save(scratch / f"{name}.npy", array)
                arguments += [f"--input={name}={scratch / name}.npy"]
    else:
        arguments += ["--random=1"]
    wanted, found = evaluate(whole, arguments), evaluate(split, arguments)
    for (name, rank), value in found.items():
        rms = compare(f"{name} of rank {rank}", value, wanted[name, 0])
    print(f"{model.parent.name}/{model.name}: {ranks} ranks, {collectives} collectives, {rms:.1e} rms")
    shutil.rmtree(scratch)


main()
