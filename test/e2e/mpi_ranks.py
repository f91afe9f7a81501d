"""Compares what ranks that mpirun starts write with what one process writes: mpi_ranks.py SCRATCH RANKS MODEL [FLAG...].

MODEL is a folder with model.gguf, golden.json and logits.npy: there llama.cpp's logits are what is wanted, of a prompt in
one step and of tokens one by one. Or it is a file: an ONNX model, whose outputs for made-up inputs are compared with those of
one process, or a GGUF file, of which a text is. FLAGs are lathec's. SCRATCH is a folder, empty afterwards."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np

GOLDEN = 1e-4  # README.md beside the goldens: what their own noise allows an engine that computes in f32
REWRITE = 1e-5  # RewriteF32 of Tolerance.h: ranks add up in another order


def output(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stderr}{done.stdout}"
    return done.stdout


def off_by(found, wanted):
    assert found.shape == wanted.shape, f"{found.shape}, needed {wanted.shape}"
    return np.abs(found.astype(np.float64) - wanted).max() / max(1.0, np.abs(wanted).max())


class Job:
    """One model, compiled for the ranks, and on demand for one process."""

    def __init__(self, scratch, ranks, model, flags):
        self.scratch, self.model, self.flags = scratch, model, flags
        self.launcher = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", ranks]
        self.ranked = self.compile("ranked", f"--tensor-parallel={ranks}")

    def compile(self, name, *flags):
        artifact = self.scratch / f"{name}.lathe"
        output("lathec", self.model, "-q", "-o", artifact, *self.flags, *flags)
        return artifact

    def run(self, *arguments):
        return output(*self.launcher, "lathe", "run", self.ranked, "--threads=1", *arguments)

    def run_alone(self, *arguments):
        artifact = self.scratch / "alone.lathe"
        return output("lathe", "run", artifact if artifact.exists() else self.compile("alone"), "--threads=1", *arguments)

    def compare_with_golden(self, folder):
        golden = json.loads((folder / "golden.json").read_text())
        ids = {key: ",".join(map(str, golden[key])) for key in ("tokens", "chosen")}
        logits = self.scratch / "logits.npy"
        self.run("--tokens", ids["tokens"], "--steps", len(golden["chosen"]), "--feed", ids["chosen"], "--logits", logits)
        worst = np.abs(np.load(logits).astype(np.float64) - np.load(folder / "logits.npy")).max()
        assert worst <= GOLDEN, f"logits are off by {worst:.2e}"
        return worst

    def compare_outputs(self):
        entry = json.loads(output("lathe", "inspect", "--json", self.ranked))["entries"][0]
        names, results = [value["name"] for value in entry["outputs"]], []
        for run in (self.run, self.run_alone):
            files = [self.scratch / f"{name}.npy" for name in names]
            run("--random", "--seed=3", "--dim=batch=2", "--dim=sequence=7",
                *[f"--output={name}={file}" for name, file in zip(names, files)])  # fmt: skip
            results.append([np.load(file) for file in files])
        worst = max(map(off_by, *results))
        assert worst <= REWRITE, f"outputs are off by {worst:.2e}"
        return worst

    def compare_texts(self):
        arguments = ["-q", "-p", "Return the", "-n", 24]
        for choice in ([], ["--temperature=0.8", "--top-k=20", "--top-p=0.9", "--seed=5"]):
            found, wanted = self.run(*arguments, *choice), self.run_alone(*arguments, *choice)
            assert found == wanted and wanted.strip(), f"{found!r}, needed {wanted!r}"
        self.bench()
        return 0

    def bench(self):
        """One session loads the weights, others are measured beside it."""
        arguments = ["--json", "--prompt", "5,9", "--steps", 3, "--batch", "1,2", "--repeat", 1, "--warmup", 0]
        results = json.loads(output(*self.launcher, "lathe", "bench", self.ranked, "--threads=1", *arguments))["results"]
        sizes = [(result["batch"], result["prompt_tokens"]) for result in results]
        assert sizes == [(1, 5), (1, 9), (2, 5), (2, 9)], sizes


def main():
    scratch, ranks, model, *flags = sys.argv[1:]
    scratch, model = pathlib.Path(scratch), pathlib.Path(model)
    scratch.mkdir(parents=True, exist_ok=True)
    job = Job(scratch, ranks, model / "model.gguf" if model.is_dir() else model, flags)
    if model.is_dir():
        worst = job.compare_with_golden(model)
    else:
        worst = job.compare_texts() if model.suffix == ".gguf" else job.compare_outputs()
    print(f"{model.name}: {ranks} ranks, off by {worst:.2e} at most")
    shutil.rmtree(scratch)


main()
