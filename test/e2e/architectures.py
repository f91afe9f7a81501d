"""Compiles golden models and compares every logit: architectures.py RAGGED SCRATCH GOLDEN_DIR...

Each folder has model.gguf, golden.json and logits.npy. The prompt goes in at once and then token by token, and in ragged
batches through RAGGED (ragged.c, compiled). Differences above 1e-4 fail. SCRATCH is a folder, empty afterwards."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

LIMIT = 1e-4  # what the goldens' own noise, below 1e-5, allows an engine that computes in f32


def output(*command):
    # What a caller loads into this process before the runtime, programs bring along themselves.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr + done.stdout).strip()}")
    return done.stdout.strip()


def judge_all(cases, scratch):
    """Runs each of `cases`, pairs of a name and a function that says whether it is good and why, and ends the process."""
    scratch.mkdir(parents=True, exist_ok=True)
    failures = 0
    for name, judge in cases:
        try:
            good, why = judge()
        except RuntimeError as error:
            good, why = False, error
        print(f"{name}: {why}")
        failures += not good
    shutil.rmtree(scratch)
    print(f"{len(cases) - failures} of {len(cases)} agree")
    sys.exit(1 if failures or not cases else 0)


def judge(folder, ragged, scratch):
    """Whether steps and ragged batches agree, and by how much they differ at most."""
    golden = json.loads((folder / "golden.json").read_text())
    artifact, logits, raw = (str(scratch / name) for name in ("model.lathe", "logits.npy", "logits.raw"))
    output("lathec", folder / "model.gguf", "-q", "-o", artifact, "--dim", "sequences=1..4", "--dim", "rows=1..64")
    output(sys.executable, pathlib.Path(__file__).with_name("golden.py"), folder, artifact, logits)
    wanted = np.load(folder / "logits.npy")
    wanted.tofile(raw)
    steps = np.abs(np.load(logits).astype(np.float64) - wanted).max()
    batches = float(output(ragged, artifact, raw, *map(str, golden["tokens"] + golden["chosen"])))
    good = steps <= LIMIT and batches <= LIMIT
    return good, f"steps {steps:.2g}, ragged batches {batches:.2g}{'' if good else ', TOO FAR'}"


def main():
    ragged, scratch, *folders = sys.argv[1:]
    scratch, folders = pathlib.Path(scratch), map(pathlib.Path, folders)
    judge_all([(folder.name, functools.partial(judge, folder, ragged, scratch)) for folder in folders], scratch)


if __name__ == "__main__":
    main()
