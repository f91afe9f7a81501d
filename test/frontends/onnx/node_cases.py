"""Runs the node cases of the onnx package through the compiler and the runtime: node_cases.py LATHEC LIBRARY FOLDER

Each case is a small model with inputs and outputs. A case is
  passed    the outputs agree within the case's tolerances;
  refused   lathec says why it does not compile the model, exits with 1 and writes nothing;
  wrong     the outputs differ, or the runtime does not run what was compiled;
  crashed   anything else.
The names in node_cases.txt must pass; a case that is wrong or crashes fails the test whatever its name.
"""

import argparse
import collections
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import re
import subprocess
import sys
import time
import warnings

import ml_dtypes
import numpy as np
import onnx
import onnx.numpy_helper
from onnx.backend.test.loader import load_model_tests

PASSING = pathlib.Path(__file__).with_name("node_cases.txt")
# Ten times what the slowest case takes on a busy machine.
LIMIT_S = 120

# runtime/include/lathe.h
TYPES = dict(
    enumerate(["f4", "f2", ml_dtypes.bfloat16, "f8", "i1", "u1", "i2", "i4", "i8", "u4", "bool", "u2", "u8"], start=1)
)
TYPES = {number: np.dtype(name) for number, name in TYPES.items()}


class ValueInfo(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("role", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("rank", ctypes.c_size_t),
        ("shape", ctypes.c_int64 * 8),
    ]


class EntryInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int)] + [
        (f"{what}_count", ctypes.c_size_t) for what in ("symbol", "input", "output", "state")
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("memory", ctypes.c_int),
        ("rank", ctypes.c_size_t),
        ("shape", ctypes.c_int64 * 8),
    ]


class RunOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("entry", ctypes.c_char_p),
        ("inputs", ctypes.POINTER(Tensor)),
        ("input_count", ctypes.c_size_t),
        ("outputs", ctypes.POINTER(Tensor)),
        ("output_count", ctypes.c_size_t),
        ("stream", ctypes.c_void_p),
    ]


class DeviceOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("kind", ctypes.c_int),
        ("threads", ctypes.c_int32),
        ("parallel_for", ctypes.c_void_p),
        ("parallel_for_user", ctypes.c_void_p),
        ("ordinal", ctypes.c_int32),
    ]


class Mismatch(Exception):
    """What is wrong with a case's outputs."""


def to_array(value):
    """The elements of a tensor; other values as they are."""
    if isinstance(value, onnx.TensorProto):
        value = onnx.numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else value


class Runtime:
    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.lathe_status_message.restype = ctypes.c_char_p
        self.library.lathe_program_entry.restype = ctypes.POINTER(EntryInfo)
        self.library.lathe_program_output.restype = ctypes.POINTER(ValueInfo)
        self.library.lathe_program_input.restype = ctypes.POINTER(ValueInfo)
        for name in ("status_message", "status_release", "program_release", "session_release"):
            getattr(self.library, f"lathe_{name}").argtypes = [ctypes.c_void_p]
        for name in ("entry", "input", "output"):
            counts = [ctypes.c_size_t] * (1 if name == "entry" else 2)
            getattr(self.library, f"lathe_program_{name}").argtypes = [ctypes.c_void_p, *counts]
        options = DeviceOptions(ctypes.sizeof(DeviceOptions), 0, 1)
        self.device = self.make("device_create", ctypes.byref(options))

    def call(self, name, *arguments):
        function = getattr(self.library, f"lathe_{name}")
        function.restype = ctypes.c_void_p
        if status := function(*arguments):
            message = self.library.lathe_status_message(status).decode()
            self.library.lathe_status_release(status)
            raise Mismatch(message)

    def make(self, name, *arguments):
        made = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(made))
        return made

    def load(self, path):
        program = self.make("program_load", os.fsencode(path))
        try:
            return program, self.make("session_create", program, self.device, None)
        except Mismatch:
            self.library.lathe_program_release(program)
            raise

    def run(self, program, session, feeds):
        """All outputs, in order. `feeds` are the inputs in order."""
        entry = self.library.lathe_program_entry(program, 0).contents
        infos = [self.library.lathe_program_input(program, 0, i).contents for i in range(entry.input_count)]
        inputs = (Tensor * max(1, len(infos)))()
        kept = []
        for info, tensor in zip(infos, inputs):
            value = feeds[info.name.decode()]
            if value.dtype != TYPES[info.type]:
                raise Mismatch(f"input '{info.name.decode()}' has type {TYPES[info.type]}, needed {value.dtype}")
            kept.append(np.ascontiguousarray(value))
            tensor.name, tensor.data, tensor.bytes = info.name, kept[-1].ctypes.data, value.nbytes
            tensor.type, tensor.rank = info.type, value.ndim
            tensor.shape[: value.ndim] = value.shape
        outputs = (Tensor * entry.output_count)()
        for i, tensor in enumerate(outputs):
            tensor.name = self.library.lathe_program_output(program, 0, i).contents.name
        options = RunOptions(ctypes.sizeof(RunOptions), None, inputs, len(infos), outputs, len(outputs))
        self.call("session_shapes", session, ctypes.byref(options))
        buffers = [np.zeros(max(1, tensor.bytes), np.uint8) for tensor in outputs]
        for tensor, buffer in zip(outputs, buffers):
            # Where nothing bounds the size of an output it stays in the session's memory.
            unbounded = tensor.bytes == 0 and -1 in tensor.shape[: tensor.rank]
            tensor.data, tensor.bytes = (None, 0) if unbounded else (buffer.ctypes.data, buffer.nbytes)
        self.call("session_run", session, ctypes.byref(options))
        results = []
        for tensor, buffer in zip(outputs, buffers):
            dtype, shape = TYPES[tensor.type], tuple(tensor.shape[: tensor.rank])
            count = int(np.prod(shape, dtype=np.int64))
            if tensor.data != buffer.ctypes.data:
                buffer = np.frombuffer(ctypes.string_at(tensor.data, count * dtype.itemsize), np.uint8)
            results.append(buffer[: count * dtype.itemsize].view(dtype).reshape(shape))
        return results


def compare(found, wanted, case):
    """Raises unless both are the same within the case's tolerances, as onnx's own runner compares."""
    wanted = to_array(wanted)
    if not isinstance(wanted, np.ndarray):
        raise Mismatch(f"is a tensor, needed {type(wanted).__name__}")
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        raise Mismatch(f"{found.dtype}{list(found.shape)}, needed {wanted.dtype}{list(wanted.shape)}")
    # The answers round after every operation, a kernel once: that may be two numbers of a 16-bit type apart, whose
    # neighbors differ by up to 2^-10 and 2^-7.
    rtol = max(case.rtol, {np.dtype(np.float16): 2**-9, np.dtype(ml_dtypes.bfloat16): 2**-6}.get(found.dtype, 0))
    # The answers of a Fourier transform are sums in f32: what should be 0 is as far from it as the last bit of the largest.
    atol = case.atol
    if {node.op_type for node in case.model.graph.node} & {"DFT", "STFT"}:
        atol = max(atol, float(np.abs(wanted).max(initial=0)) * 2**-24)
    if found.dtype == ml_dtypes.bfloat16:
        found, wanted = found.astype(np.float32), wanted.astype(np.float32)
    close = np.isclose(wanted, found, rtol=rtol, atol=atol, equal_nan=True)
    if not close.all():
        at = tuple(int(i) for i in np.argwhere(~close)[0])
        raise Mismatch(f"{np.count_nonzero(~close)} of {close.size} differ, {at}: {found[at]}, needed {wanted[at]}")


def compile_case(case, lathec, folder):
    """None, or why it was refused."""
    model, artifact = folder / f"{case.name}.onnx", folder / f"{case.name}.lathe"
    artifact.unlink(missing_ok=True)
    onnx.save(case.model, model)
    # What is loaded into this process before the runtime, lathec brings along itself.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = [lathec, model, "-o", artifact, "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env=environment)
    if done.returncode == 1 and "error: " in done.stderr and not artifact.exists():
        return done.stderr
    if done.returncode or not artifact.exists():
        raise RuntimeError(f"lathec ended with {done.returncode}: {done.stderr[-300:]}")
    return None


def run_case(case, runtime, lathec, folder):
    try:
        if why := compile_case(case, lathec, folder):
            return "refused", why
        program, session = runtime.load(folder / f"{case.name}.lathe")
        try:
            for inputs, outputs in case.data_sets:
                feeds = {info.name: to_array(value) for info, value in zip(case.model.graph.input, inputs)}
                for i, (found, wanted) in enumerate(zip(runtime.run(program, session, feeds), outputs, strict=True)):
                    try:
                        compare(found, wanted, case)
                    except Mismatch as why:
                        return "wrong", f"output {i}: {why}"
        finally:
            runtime.library.lathe_session_release(session)
            runtime.library.lathe_program_release(program)
    except Mismatch as why:
        return "wrong", str(why)
    except (RuntimeError, subprocess.TimeoutExpired) as why:
        return "crashed", str(why)
    return "passed", ""


def work(cases, connection, arguments):
    runtime = Runtime(arguments.library)
    for case in cases:
        connection.send(run_case(case, runtime, arguments.lathec, arguments.folder))


def run_cases(cases, arguments):
    """(outcome, reason) of each case. A worker that dies takes its case with it and is replaced."""
    context = multiprocessing.get_context("fork")
    outcomes, workers, queues = {}, {}, [collections.deque(cases[i :: arguments.jobs]) for i in range(arguments.jobs)]
    while any(queues):
        for index, queue in enumerate(queues):
            if queue and index not in workers:
                ours, theirs = context.Pipe()
                process = context.Process(target=work, args=(list(queue), theirs, arguments))
                process.start()
                theirs.close()
                workers[index] = [process, ours, time.monotonic()]
        ready = multiprocessing.connection.wait([worker[1] for worker in workers.values()], timeout=5)
        for index, (process, connection, since) in list(workers.items()):
            outcome = None
            if connection in ready:
                try:
                    outcome = connection.recv()
                except EOFError:
                    process.join()
                    outcome = "crashed", f"the process that ran it ended with {process.exitcode}"
                    del workers[index]
            elif time.monotonic() - since > LIMIT_S:
                process.kill()
                outcome = "crashed", f"took more than {LIMIT_S} s"
                del workers[index]
            if outcome:
                outcomes[queues[index].popleft().name] = outcome
                if index in workers:
                    workers[index][2] = time.monotonic()
            if index in workers and not queues[index]:
                process.join()
                del workers[index]
    return outcomes


def operator_of(case):
    """The operator that a case is about; expanded functions are named after it too."""
    name = re.sub(r"_expanded.*", "", case.name)
    return name, {node.op_type for node in case.model.graph.node}


def print_table(cases, outcomes):
    """Counts by operator. A case counts for the operator that most of its model's nodes are about: the only one, or that of
    the case whose function it expands."""
    operators = {}
    for case in cases:
        name, types = operator_of(case)
        if "_expanded" not in case.name:
            operators[name] = case.model.graph.node[-1].op_type if len(types) > 1 else next(iter(types))
    counts = collections.defaultdict(collections.Counter)
    for case in cases:
        operator = operators.get(operator_of(case)[0], "?")
        counts[operator][outcomes[case.name][0]] += 1
    kinds = ["passed", "refused", "wrong", "crashed"]
    print(f"{'operator':32}" + "".join(f"{kind:>9}" for kind in kinds))
    for operator in sorted(counts):
        print(f"{operator:32}" + "".join(f"{counts[operator][kind] or '':>9}" for kind in kinds))
    totals = collections.Counter(outcome for outcome, _ in outcomes.values())
    print(f"{'total of ' + str(len(cases)):32}" + "".join(f"{totals[kind]:>9}" for kind in kinds))


def check(cases, outcomes, arguments):
    """The number of things that are wrong."""
    passed = {name for name, (outcome, _) in outcomes.items() if outcome == "passed"}
    known = set(PASSING.read_text().split()) if PASSING.exists() else set()
    chosen = {case.name for case in cases}
    failures = 0
    for name, (outcome, why) in sorted(outcomes.items()):
        if outcome in ("wrong", "crashed") or (name in known and outcome != "passed"):
            failures += 1
            print(f"{name}: {outcome}: {why.strip()}")
        elif outcome == "refused" and arguments.reasons:
            print(f"{name}: {why.strip()}")
    if unknown := sorted(known - chosen if not arguments.filter else []):
        failures += 1
        print(f"{PASSING.name} names cases that do not exist: {', '.join(unknown)}")
    if arguments.update:
        PASSING.write_text("".join(f"{name}\n" for name in sorted((known - chosen) | passed)))
    elif passed - known:
        print(f"{len(passed - known)} more pass than {PASSING.name} names; add them with --update")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lathec", type=pathlib.Path)
    parser.add_argument("library", type=pathlib.Path, help="liblathe.so")
    parser.add_argument("folder", type=pathlib.Path, help="for models and artifacts")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--filter", default="", help="only cases whose names match this regular expression")
    parser.add_argument("--reasons", action="store_true", help="print why cases are refused")
    parser.add_argument("--update", action="store_true", help=f"write the names that pass to {PASSING.name}")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    cases = [case for case in load_model_tests(kind="node") if re.search(arguments.filter, case.name)]
    outcomes = run_cases(cases, arguments)
    print_table(cases, outcomes)
    failures = check(cases, outcomes, arguments)
    print(f"{failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
