"""Benches a program for two ranks on stand-in GPUs: bench_ranks.py FAKE_CUDA ARTIFACT. Prints what rank 0 does."""

import os
import subprocess
import sys

folder, artifact = sys.argv[1:]
common = {"LD_LIBRARY_PATH": folder, "FAKE_CUDA_IDLE": "1", "WORLD_SIZE": "2"}
# The stand-in has one GPU, which both ranks take.
command = ["lathe", "bench", artifact, "--device=cuda:0", f"--rendezvous=file:{artifact}.ranks"]
command += ["--prompt=4", "--steps=2", "--repeat=2", "--warmup=0", "--launches"]
ranks = [
    subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **common, "RANK": str(rank)})
    for rank in (0, 1)
]
outputs = [rank.communicate(timeout=60)[0] for rank in ranks]
print(outputs[0])
assert outputs[1] == "" and not any(rank.returncode for rank in ranks), (outputs, [rank.returncode for rank in ranks])
