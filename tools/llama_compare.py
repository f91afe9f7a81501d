#!/usr/bin/env python3
"""Compares Lathe on the CPU with llama.cpp: llama_compare.py [TYPE...] [--quick] [--threads N] [--accuracy]

Makes a Llama-shaped model of 1.2 billion weights in random blocks (test/models/block_llama.py), compiles it with
--activations=int8, and runs `lathe bench` and llama.cpp by turns with the same number of threads. Prints a pair for the
prompt and one for tokens that follow, the medians of all runs of each side, and the ratio of their rates: above 1 Lathe is
faster. --accuracy also compares logits of both sides with those of Lathe in f32: the mean square of differences over that
of the logits, and the mean KL divergence. --quick takes a tiny model and few runs, to see that all of this works. Needs
numpy, gguf, and llama-cpp-python, built on this machine.
"""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import llama_cpp
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
TYPES = ["q4_k_m", "q8_0"]
CONTEXT = 1024


class LlamaCpp:
    """One model in llama.cpp."""

    def __init__(self, path, threads):
        self.log = llama_cpp.llama_log_callback(lambda *message: None)
        llama_cpp.llama_log_set(self.log, None)
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = CONTEXT, CONTEXT, CONTEXT
        parameters.n_threads = parameters.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        if not self.context:
            sys.exit(f"{path}: llama.cpp does not load it")

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def decode(self, tokens):
        array = (ctypes.c_int32 * len(tokens))(*tokens)  # the batch points into it
        batch = llama_cpp.llama_batch_get_one(array, len(tokens))
        if llama_cpp.llama_decode(self.context, batch):
            sys.exit("llama.cpp does not decode")
        llama_cpp.llama_synchronize(self.context)

    def measure(self, tokens, steps):
        """Seconds of the prompt, and of each step."""
        self.clear()
        times = []
        for part in [tokens] + [[tokens[i]] for i in range(steps)]:
            start = time.perf_counter()
            self.decode(part)
            times.append(time.perf_counter() - start)
        return times[0], times[1:]

    def logits(self, tokens, vocabulary):
        """Of every position, token by token."""
        self.clear()
        rows = []
        for token in tokens:
            self.decode([token])
            pointer = llama_cpp.llama_get_logits_ith(self.context, -1)
            rows.append(np.ctypeslib.as_array(pointer, (vocabulary,)).copy())
        return np.stack(rows)

    def __del__(self):
        if getattr(self, "context", None):
            llama_cpp.llama_free(self.context)
            llama_cpp.llama_model_free(self.model)


class Pair:
    """One model on both sides."""

    def __init__(self, arguments, folder, kind):
        self.arguments, self.folder = arguments, folder
        self.size = "tiny" if arguments.quick else "1b"
        self.model = folder / f"{self.size}-{kind}.gguf"
        if not self.model.exists():
            script = ROOT / "test" / "models" / "block_llama.py"
            subprocess.run([sys.executable, script, self.model, "--type", kind, "--size", self.size], check=True)
        self.artifact = self.compile("int8")
        self.theirs = LlamaCpp(self.model, arguments.threads)
        self.tokens = [int(token) for token in np.random.default_rng(0).integers(3, 400, arguments.prompt)]

    def compile(self, activations):
        artifact = self.folder / f"{self.model.stem}-{activations}.lathe"
        subprocess.run([self.arguments.bin / "lathec", self.model, "-q", f"--activations={activations}", "--context",
                        str(CONTEXT), "-o", artifact], check=True)  # fmt: skip
        return artifact

    def run_lathe(self):
        """The same as LlamaCpp.measure, but for medians of steps."""
        arguments = self.arguments
        report = subprocess.run(
            [arguments.bin / "lathe", "bench", self.artifact, "--json", "--threads", str(arguments.threads), "--warmup", "1",
             "--repeat", "1", "--prompt", str(arguments.prompt), "--steps", str(arguments.steps)],
            check=True, capture_output=True, text=True).stdout  # fmt: skip
        result = json.loads(report)["results"][0]
        return result["prompt"]["median_ms"] / 1e3, result["step"]["median_ms"] / 1e3

    def measure(self):
        """Tokens a second of both sides: prompt, then steps."""
        self.theirs.measure(self.tokens, 2)  # as many warm-up runs as the other side has
        ours, theirs = [], []
        for _ in range(self.arguments.repeat):
            ours.append(self.run_lathe())
            prompt, steps = self.theirs.measure(self.tokens, self.arguments.steps)
            theirs.append((prompt, statistics.median(steps)))
        for what, count, side in (("prompt", self.arguments.prompt, 0), ("step", 1, 1)):
            yield what, *(count / statistics.median(times[side] for times in all) for all in (ours, theirs))

    def run_logits(self, artifact, tokens):
        path = self.folder / "logits.npy"
        subprocess.run([self.arguments.bin / "lathe", "run", artifact, "--tokens", ",".join(map(str, tokens)), "--steps", "0",
                        "--threads", str(self.arguments.threads), "--logits", path], check=True, capture_output=True)  # fmt: skip
        return np.load(path)

    def measure_accuracy(self):
        """For both sides: mean square of differences from f32 over that of the logits, and mean KL divergence."""
        tokens = self.tokens[:16]
        wanted = self.run_logits(self.compile("f32"), tokens).astype(np.float64)
        for found in (self.run_logits(self.artifact, tokens), self.theirs.logits(tokens, wanted.shape[1])):
            difference = found - wanted
            truth, guess = log_softmax(wanted), log_softmax(found.astype(np.float64))
            yield (difference**2).mean() / (wanted**2).mean(), (np.exp(truth) * (truth - guess)).sum(axis=1).mean()


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("types", nargs="*", metavar="TYPE", help=f"as block_llama.py has them; default: {', '.join(TYPES)}")
    parser.add_argument("--quick", action="store_true", help="a tiny model and few runs")
    parser.add_argument("--accuracy", action="store_true", help="compare logits with those in f32 too")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: all processors")
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prompt; default: 512")
    parser.add_argument("--steps", type=int, default=32, help="tokens that follow; default: 32")
    parser.add_argument("--repeat", type=int, help="runs of each side; default: 5")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", help="where lathec and lathe are")
    parser.add_argument("--folder", type=pathlib.Path, help="keeps the models and uses those that are there")
    arguments = parser.parse_args()
    if not (arguments.bin / "lathec").exists():
        parser.error(f"{arguments.bin} holds no lathec; build one or give --bin")
    if not 2 <= arguments.prompt <= CONTEXT - arguments.steps:
        parser.error(f"--prompt is {arguments.prompt} and --steps {arguments.steps}, needed 2 to {CONTEXT} tokens in all")
    arguments.repeat = arguments.repeat or (1 if arguments.quick else 5)
    print(f"llama-cpp-python {llama_cpp.__version__}, {llama_cpp.llama_print_system_info().decode().strip()}")
    print(f"{arguments.threads} threads; tokens a second, median of {arguments.repeat}")
    print(f"{'type':8s} {'what':>10s} {'lathe':>9s} {'llama.cpp':>9s} {'ratio':>6s}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for kind in arguments.types or TYPES:
            pair = Pair(arguments, folder, kind)
            for what, ours, theirs in pair.measure():
                name = f"{what} {arguments.prompt}" if what == "prompt" else what
                print(f"{kind:8s} {name:>10s} {ours:9.1f} {theirs:9.1f} {ours / theirs:6.2f}", flush=True)
            if arguments.accuracy:
                for what, ours, theirs in zip(("NMSE", "KL"), *pair.measure_accuracy()):
                    print(f"{kind:8s} {what:>10s} {ours:9.2e} {theirs:9.2e}", flush=True)


if __name__ == "__main__":
    main()
