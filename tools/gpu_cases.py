"""Runs compiled one-node models against their expected outputs: gpu_cases.py LIBRARY CASES ARTIFACTS [--cpu] [--skip N]

CASES is what test/frontends/onnx/node_cases.py --prepare wrote; ARTIFACTS holds NAME.lathe for those that are to run. A
line for each says its name, `passed`, `wrong` or `missing`, and why. Memory that the driver gives out holds no zeros
and no earlier answers: it is filled with ones before each case. --skip leaves out the first N: a case that ends the
process is the one behind the last line.
"""

import argparse
import concurrent.futures
import ctypes
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np

from gpu_steps import ROOT, Failed, run
from lathe_runtime import TYPES, Mismatch, Runtime, check_close

POISONED_BYTES = 64 << 20


class Cases:
    """The file of prepared cases."""

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path)
        self.index = json.loads(self.archive.read("index.json"))

    def model(self, name):
        return self.archive.read(f"{name}.onnx")

    def sets(self, case):
        """For each set of data the inputs by name, and the outputs: lathe_type and array."""
        data, at = self.archive.read(f"{case['name']}.bin"), 0
        for described in case["sets"]:
            inputs, outputs = {}, []
            for name, number, shape in described:
                count = int(np.prod(shape, dtype=np.int64))
                array = np.frombuffer(data, TYPES[number], count, at).reshape(shape).copy()  # aligned
                at += array.nbytes
                if name is None:
                    outputs.append((number, array))
                else:
                    inputs[name] = array
            yield inputs, outputs


class Poison:
    """Fills the memory that the driver gives out next."""

    def __init__(self):
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.device = ctypes.c_int()
        self.context = ctypes.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDeviceGet", ctypes.byref(self.device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(self.context), self.device)
        self.call("cuCtxSetCurrent", self.context)
        # The pool that stream-ordered memory comes from keeps what is given back, instead of zeroing it.
        pool, most = ctypes.c_void_p(), ctypes.c_uint64(2**64 - 1)
        self.call("cuDeviceGetDefaultMemPool", ctypes.byref(pool), self.device)
        release_threshold = 4
        self.call("cuMemPoolSetAttribute", pool, release_threshold, ctypes.byref(most))

    def call(self, name, *arguments):
        if result := getattr(self.driver, name)(*arguments):
            raise RuntimeError(f"{name} ends with {result}")

    def fill(self):
        address = ctypes.c_uint64()
        for allocate, free in (("cuMemAlloc_v2", "cuMemFree_v2"), ("cuMemAllocAsync", "cuMemFreeAsync")):
            stream = () if allocate == "cuMemAlloc_v2" else (None,)
            self.call(allocate, ctypes.byref(address), ctypes.c_size_t(POISONED_BYTES), *stream)
            self.call("cuMemsetD8Async", address, ctypes.c_ubyte(0xFF), ctypes.c_size_t(POISONED_BYTES), None)
            self.call(free, address, *stream)
        self.call("cuCtxSynchronize")


class NodeCases:
    """The steps of gpu-check: every case compiled, every case right."""

    def __init__(self, machine, work, path):
        self.machine, self.folder, self.path = machine, work / "node-cases", path
        self.cases = Cases(path)
        self.names = [case["name"] for case in self.cases.index]

    def compile_one(self, name):
        """Why it does not compile, or nothing."""
        artifact, model = self.folder / f"{name}.lathe", self.folder / f"{name}.onnx"
        if artifact.exists():
            return ""
        done = run(ROOT / "bin/lathec", model, f"--target={self.machine.chip}", "--activations=f32", "-q", "-o",
                   artifact)
        return f"{name}: {done.stdout.strip() or done.returncode}" if done.returncode else ""

    def compile(self):
        self.folder.mkdir(exist_ok=True)
        for name in self.names:
            (self.folder / f"{name}.onnx").write_bytes(self.cases.model(name))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong = [why for why in pool.map(self.compile_one, self.names) if why]
        if wrong:
            raise Failed(f"{len(wrong)} of {len(self.names)} do not compile, the first: {wrong[0]}")
        return f"{len(self.names)} models"

    def right(self):
        lines = []
        while len(lines) < len(self.names):
            library, skip = ROOT / "lib/liblathe.so", f"--skip={len(lines)}"
            command = (sys.executable, __file__, library, self.path, self.folder, skip)
            done = subprocess.run(command, capture_output=True, text=True)
            lines += [line for line in done.stdout.splitlines() if line.split(" ")[0] in self.names[len(lines) :]]
            if len(lines) < len(self.names):
                lines.append(f"{self.names[len(lines)]} crashed {done.returncode}: {done.stderr.strip()[-200:]}")
        wrong = [line for line in lines if line.split(" ")[1] != "passed"]
        if wrong:
            raise Failed(f"{len(wrong)} of {len(self.names)} are not right, the first: {wrong[0]}")
        return f"{len(self.names)} cases"


def run_case(runtime, cases, case, artifact):
    """Why it is wrong, or nothing."""
    program = session = None
    try:
        program, session = runtime.load(artifact)
        for feeds, wanted in cases.sets(case):
            results = runtime.run(program, session, feeds)
            for i, ((number, found), (needed, array)) in enumerate(zip(results, wanted, strict=True)):
                if number != needed:
                    raise Mismatch(f"output {i} has type {number}, needed {needed}")
                check_close(found, array, number, case["rtol"], case["atol"])
    except Mismatch as why:
        return str(why)
    finally:
        for kind, handle in (("session", session), ("program", program)):
            getattr(runtime.library, f"lathe_{kind}_release")(handle)
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", help="liblathe.so")
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("artifacts", type=pathlib.Path)
    parser.add_argument("--cpu", action="store_true", help="the artifacts are for the CPU")
    parser.add_argument("--skip", type=int, default=0)
    arguments = parser.parse_args()
    cases = Cases(arguments.cases)
    poison = None if arguments.cpu else Poison()
    runtime = Runtime(arguments.library, cuda=not arguments.cpu)
    for case in cases.index[arguments.skip :]:
        artifact = arguments.artifacts / f"{case['name']}.lathe"
        if not artifact.exists():
            print(case["name"], "missing", flush=True)
            continue
        if poison:
            poison.fill()
        why = run_case(runtime, cases, case, artifact)
        print(case["name"], "wrong" if why else "passed", why.replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
