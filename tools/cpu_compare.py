#!/usr/bin/env python3
"""Compares Lathe on the CPU with onnxruntime: cpu_compare.py [NETWORK...] [--quick] [--threads N] [--batch N...]

Makes ResNet-50 and a BERT base encoder of 128 tokens from seeds, compiles them, and runs `lathe bench` and onnxruntime by
turns, on the same inputs with the same number of threads. Prints a pair for each network and batch, the median of all
runs of each side, and the ratio of their times: below 1 Lathe is faster. The answers must agree too. --quick takes tiny
networks and few runs, to see that all of this works. On a machine that does other work --processor-time with one thread
says more than the clock. Needs numpy, onnx and onnxruntime.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / "test" / "models"
TOKENS = 128


def made_by(script, *arguments):
    """A function that makes a network with a script of test/models."""
    return lambda path: subprocess.run([sys.executable, MODELS / script, *arguments[:1], path, *arguments[1:]], check=True)


def widened(*arguments):
    return lambda path: subprocess.run([sys.executable, MODELS / "widen_bert.py", path, *arguments], check=True)


def pictures(batch):
    """Noise would not do: on it small differences grow from layer to layer."""
    sys.path.insert(0, str(MODELS))
    import reseed

    return {"gpu_0/data_0": reseed.pictures(batch, seed=7)}


def digits(batch):
    return {"image": np.load(MODELS / "digits_images.npy")[:batch]}


def texts(vocabulary):
    def make(batch):
        ids = np.random.default_rng(0).integers(0, vocabulary, (batch, TOKENS))
        return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}

    return make


SEQUENCE = ["--dim", f"sequence={TOKENS}"]
NETWORKS = {
    "resnet50": (made_by("reseed.py", "light_resnet50", "--batch", "batch"), pictures, []),
    "bert": (widened(), texts(30522), SEQUENCE),
}
QUICK = {
    "digits": (lambda path: path.write_bytes((MODELS / "digits.onnx").read_bytes()), digits, []),
    "bert-tiny": (widened("--layers", "2", "--width", "64", "--heads", "4", "--inner", "128", "--vocabulary", "99",
                          "--positions", str(TOKENS)), texts(99), SEQUENCE),
}  # fmt: skip


class Pair:
    """One network at one batch, compiled and loaded on both sides."""

    def __init__(self, arguments, folder, name, batch):
        self.arguments, self.folder = arguments, folder
        make, inputs, dims = (QUICK if arguments.quick else NETWORKS)[name]
        self.network, self.artifact = folder / f"{name}.onnx", folder / f"{name}-{batch}.lathe"
        if not self.network.exists():
            make(self.network)
        subprocess.run([arguments.bin / "lathec", self.network, "-q", "--dim", f"batch={batch}", *dims, "-o", self.artifact],
                       check=True)  # fmt: skip
        self.feeds = inputs(batch)
        self.flags = []
        for i, (key, value) in enumerate(self.feeds.items()):
            np.save(folder / f"{i}.npy", value)
            self.flags += ["--input", f"{key}={folder / f'{i}.npy'}"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(self.network, options, providers=["CPUExecutionProvider"])

    def check(self):
        """The largest difference of any output, relative to that output's largest value.

        Tests say whether answers are right; this finds networks that are not the same.
        """
        worst = 0
        for output, wanted in zip(self.session.get_outputs(), self.session.run(None, self.feeds)):
            path = self.folder / "output.npy"
            self.lathe("run", "--output", f"{output.name}={path}")
            found = np.load(path)
            if found.shape != wanted.shape:
                sys.exit(f"{self.artifact}: '{output.name}' has shape {found.shape}, onnxruntime gives {wanted.shape}")
            worst = max(worst, float(np.abs(found - wanted).max() / np.abs(wanted).max()))
        if not worst < 1e-4:
            sys.exit(f"{self.artifact}: answers differ from onnxruntime's by {worst:.1e}")
        return worst

    def lathe(self, command, *flags):
        line = [self.arguments.bin / "lathe", command, self.artifact, *self.flags, *flags]
        return subprocess.run([*line, "--threads", str(self.arguments.threads)], check=True, capture_output=True, text=True).stdout

    def run_lathe(self, count):
        report = json.loads(self.lathe("bench", "--json", "--warmup", "2", "--repeat", str(count)))
        return report["processor_ms" if self.arguments.processor_time else "run_ms"]

    def run_onnxruntime(self, count):
        clock, times = time.process_time if self.arguments.processor_time else time.perf_counter, []
        for i in range(count + 2):
            start = clock()
            self.session.run(None, self.feeds)
            if i >= 2:  # after as many warm-up runs as the other side has
                times.append((clock() - start) * 1e3)
        return times

    def measure(self):
        """The medians of both sides, of runs in five turns."""
        ours, theirs = [], []
        for turn in range(5):
            count = len(range(turn, self.arguments.repeat, 5))
            if count:
                ours += self.run_lathe(count)
                theirs += self.run_onnxruntime(count)
        return statistics.median(ours), statistics.median(theirs)


def describe_machine():
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} processors, onnxruntime {onnxruntime.__version__}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help=f"tiny networks ({', '.join(QUICK)}) and few runs")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: all processors")
    parser.add_argument("--batch", type=int, nargs="+", help="default: 1 and 16")
    parser.add_argument("--repeat", type=int, help="runs of each side; default: 20")
    parser.add_argument("--processor-time", action="store_true", help="time that threads ran, not the clock's")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", help="where lathec and lathe are")
    parser.add_argument("--folder", type=pathlib.Path, help="keeps the networks and uses those that are there")
    arguments = parser.parse_args()
    known = QUICK if arguments.quick else NETWORKS
    for name in arguments.networks:
        if name not in known:
            parser.error(f"no network is named '{name}'; there are {', '.join(known)}")
    if not (arguments.bin / "lathec").exists():
        parser.error(f"{arguments.bin} holds no lathec; build one or give --bin")
    arguments.repeat = arguments.repeat or (3 if arguments.quick else 20)
    what = "processor time" if arguments.processor_time else "time"
    print(f"{describe_machine()}; {arguments.threads} threads; {what} in ms, median of {arguments.repeat}")
    print(f"{'network':10s} {'batch':>5s} {'lathe':>9s} {'onnxruntime':>11s} {'ratio':>6s}  {'difference':>10s}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in arguments.networks or known:
            for batch in arguments.batch or (1, 16):
                pair = Pair(arguments, folder, name, batch)
                difference = pair.check()
                ours, theirs = pair.measure()
                print(f"{name:10s} {batch:5d} {ours:9.2f} {theirs:11.2f} {ours / theirs:6.2f}  {difference:10.1e}", flush=True)


if __name__ == "__main__":
    main()
