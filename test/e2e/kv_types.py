"""Compiles golden models for every element type of the KV cache: kv_types.py RAGGED SCRATCH GOLDEN_DIR...

Each folder has model.gguf, golden.json and logits.npy. Every logit is held to the type's tolerance in
dialects/lathe/reference/Tolerance.h. In chunks of 7 on one thread, and in ragged batches through RAGGED (ragged.c, compiled),
all logits must have the bits that they have when the prompt goes in at once. SCRATCH is a folder, empty afterwards."""

import functools
import json
import pathlib
import sys

import numpy as np
from architectures import judge_all, output

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCES = {"f32": "KernelF32", "f16": "AnyF16", "bf16": "AnyBF16", "q8_0": "AnyEightBit", "fp8": "AnyF8"}


def judge(folder, kv, ragged, scratch):
    """That all is good, and the figures of one type; raises where something is wrong."""
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
    return True, figures


def main():
    ragged, scratch, *folders = sys.argv[1:]
    scratch, folders = pathlib.Path(scratch), map(pathlib.Path, folders)
    judge_all([(f"{folder.name} {kv}", functools.partial(judge, folder, kv, ragged, scratch))
               for folder in folders for kv in TOLERANCES], scratch)  # fmt: skip


if __name__ == "__main__":
    main()
