"""Compiles golden models for every element type of the KV cache: kv_types.py RAGGED SCRATCH GOLDEN_DIR...

Each folder has model.gguf, golden.json and logits.npy. Every logit is held to the type's tolerance in
dialects/lathe/reference/Tolerance.h. In chunks of 7 on one thread, and in ragged batches through RAGGED (ragged.c, compiled),
all logits must have the bits that they have when the prompt goes in at once. SCRATCH is a folder, empty afterwards."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCES = {"f32": "KernelF32", "f16": "AnyF16", "bf16": "AnyBF16", "q8_0": "AnyEightBit", "fp8": "AnyF8"}


def output(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr + done.stdout).strip()}")
    return done.stdout.strip()


def judge(folder, kv, ragged, scratch):
    """The figures of one type; raises where something is wrong."""
    artifact, whole, chunks, raw = (scratch / name for name in ("model.lathe", "logits.npy", "chunks.npy", "logits.raw"))
    output("lathec", folder / "model.gguf", f"--kv={kv}", "-q", "-o", artifact, "--dim", "sequences=1..4", "--dim",
           "rows=1..64")  # fmt: skip
    output(sys.executable, HERE / "golden.py", folder, artifact, whole)
    figures = output(sys.executable, HERE / "compare.py", whole, folder / "logits.npy", "--tolerance", TOLERANCES[kv])
    output(sys.executable, HERE / "golden.py", folder, artifact, chunks, "--prefill-chunk", 7, "--threads", 1)
    if whole.read_bytes() != chunks.read_bytes():
        raise RuntimeError("logits have other bits in chunks")
    np.load(whole).tofile(raw)
    golden = json.loads((folder / "golden.json").read_text())
    difference = float(output(ragged, artifact, raw, *golden["tokens"], *golden["chosen"]))
    if difference != 0:
        raise RuntimeError(f"logits in ragged batches differ by {difference:.2g} from those of the text alone")
    return figures


def main():
    ragged, scratch, *folders = sys.argv[1:]
    scratch = pathlib.Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    failures = 0
    for folder in map(pathlib.Path, folders):
        for kv in TOLERANCES:
            try:
                print(f"{folder.name} {kv}: {judge(folder, kv, ragged, scratch)}")
            except RuntimeError as error:
                print(f"{folder.name} {kv}: {error}")
                failures += 1
    shutil.rmtree(scratch)
    sys.exit(1 if failures or not folders else 0)


if __name__ == "__main__":
    main()
