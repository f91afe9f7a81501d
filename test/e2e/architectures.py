"""Compiles golden models and compares every logit: architectures.py RAGGED SCRATCH GOLDEN_DIR...

Each folder has model.gguf, golden.json and logits.npy. The prompt goes in at once and then token by token, and in ragged
batches through RAGGED (ragged.c, compiled). Differences above 1e-4 fail. SCRATCH is a folder, empty afterwards."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np

LIMIT = 1e-4  # what the goldens' own noise, below 1e-5, allows an engine that computes in f32


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def judge(folder, ragged, scratch):
    """The largest differences of steps and of ragged batches."""
    golden = json.loads((folder / "golden.json").read_text())
    artifact, logits, raw = (str(scratch / name) for name in ("model.lathe", "logits.npy", "logits.raw"))
    output("lathec", folder / "model.gguf", "-q", "-o", artifact, "--dim", "sequences=1..4", "--dim", "rows=1..64")
    output(sys.executable, pathlib.Path(__file__).with_name("golden.py"), folder, artifact, logits)
    wanted = np.load(folder / "logits.npy")
    wanted.tofile(raw)
    steps = np.abs(np.load(logits).astype(np.float64) - wanted).max()
    batches = float(output(ragged, artifact, raw, *map(str, golden["tokens"] + golden["chosen"])))
    return steps, batches


def main():
    ragged, scratch, *folders = sys.argv[1:]
    scratch = pathlib.Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    failures = 0
    for folder in map(pathlib.Path, folders):
        try:
            steps, batches = judge(folder, ragged, scratch)
        except RuntimeError as error:
            print(f"{folder.name}: {error}")
            failures += 1
            continue
        good = steps <= LIMIT and batches <= LIMIT
        failures += not good
        print(f"{folder.name}: steps {steps:.2g}, ragged batches {batches:.2g}{'' if good else ', TOO FAR'}")
    shutil.rmtree(scratch)
    print(f"{len(folders) - failures} of {len(folders)} agree")
    sys.exit(1 if failures or not folders else 0)


if __name__ == "__main__":
    main()
