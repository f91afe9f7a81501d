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
import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import re
import subprocess
import sys
import time
import warnings
import zipfile

import ml_dtypes
import numpy as np
import onnx
import onnx.numpy_helper
from onnx.backend.test.loader import load_model_tests

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tools"))
from lathe_runtime import BFLOAT16, TYPES, Mismatch, Runtime, check_close

PASSING = pathlib.Path(__file__).with_name("node_cases.txt")
# Ten times what the slowest case takes on a busy machine.
LIMIT_S = 120

def to_array(value):
    """The elements of a tensor, of bfloat16 their bits; other values as they are."""
    if isinstance(value, onnx.TensorProto):
        value = onnx.numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    value = np.asarray(value)
    return value.view(np.uint16) if value.dtype == ml_dtypes.bfloat16 else value


def tolerances(case):
    """Relative and absolute, as onnx's own runner compares."""
    atol = case.atol
    # The answers of a Fourier transform are sums in f32: what should be 0 is as far from it as the last bit of the largest.
    if {node.op_type for node in case.model.graph.node} & {"DFT", "STFT"}:
        largest = [np.abs(to_array(value)).max(initial=0) for _, outputs in case.data_sets for value in outputs]
        atol = max(atol, float(max(largest)) * 2**-24)
    return case.rtol, atol


def compare(found, number, wanted, case):
    """Raises unless both are the same within the case's tolerances."""
    wanted = to_array(wanted)
    if not isinstance(wanted, np.ndarray):
        raise Mismatch(f"is a tensor, needed {type(wanted).__name__}")
    if found.dtype != wanted.dtype:
        raise Mismatch(f"{found.dtype}, needed {wanted.dtype}")
    check_close(found, wanted, number, *tolerances(case))


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
                results = runtime.run(program, session, feeds)
                for i, ((number, found), wanted) in enumerate(zip(results, outputs, strict=True)):
                    try:
                        compare(found, number, wanted, case)
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


def number_of(value):
    """The lathe_type of a tensor."""
    array = onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)
    numbers = [number for number, dtype in TYPES.items() if number != BFLOAT16 and dtype == array.dtype]
    return numbers[0] if numbers else BFLOAT16


def prepare(cases, path):
    """Writes the cases that pass to a file that tools/gpu_cases.py reads, which has no onnx package."""
    known = set(PASSING.read_text().split())
    index = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for case in (case for case in cases if case.name in known):
            rtol, atol = tolerances(case)
            entry = {"name": case.name, "rtol": rtol, "atol": atol, "sets": []}
            data = b""
            for inputs, outputs in case.data_sets:
                names = [info.name for info in case.model.graph.input]
                described = []
                for name, value in [*zip(names, inputs), *((None, value) for value in outputs)]:
                    array = to_array(value)
                    described.append([name, number_of(value), list(array.shape)])
                    data += array.tobytes()
                entry["sets"].append(described)
            archive.writestr(f"{case.name}.onnx", case.model.SerializeToString())
            archive.writestr(f"{case.name}.bin", data)
            index.append(entry)
        archive.writestr("index.json", json.dumps(index))
    print(f"{len(index)} cases")


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
    parser.add_argument("--prepare", type=pathlib.Path, help="run nothing; write the listed cases to this file")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    cases = [case for case in load_model_tests(kind="node") if re.search(arguments.filter, case.name)]
    if arguments.prepare:
        return prepare(cases, arguments.prepare)
    outcomes = run_cases(cases, arguments)
    print_table(cases, outcomes)
    failures = check(cases, outcomes, arguments)
    print(f"{failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
