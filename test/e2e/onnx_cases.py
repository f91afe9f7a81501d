"""Runs cases of the onnx package that come with their answers: onnx_cases.py simple|pytorch-operator|... SCRATCH [--list].

Each case is compiled, run on the inputs of every data set, and compared with the outputs there. Only the cases in
onnx_cases.txt beside this file may be refused, with an error that names a node, an input or an output; a wrong answer or
a crash fails whatever the name. --list prints the lines of that file for what is refused now.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx_model import compare, model_inputs

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


def call(*command):
    """Runs a program; its message becomes the reason if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")


def run_data_set(artifact, folder, model, scratch):
    inputs, outputs = model_inputs(model), model.graph.output
    names = [output.name for output in outputs]
    given = [f"{value.name}={folder}/input_{i}.pb" for i, value in enumerate(inputs)]
    written = [f"{name}={scratch}/out{i}.npy" for i, name in enumerate(names)]
    call("lathe", "run", artifact, *[part for each in given for part in ("--input", each)],
         *[part for each in written for part in ("--output", each)])  # fmt: skip
    for i, name in enumerate(names):
        wanted = numpy_helper.to_array(read_tensor(folder / f"output_{i}.pb"))
        compare(name, np.load(scratch / f"out{i}.npy"), wanted)


def read_tensor(path):
    return onnx.TensorProto.FromString(path.read_bytes())


def bound_sizes(model, folders):
    """Flags for sizes of inputs that have a name: the default bounds, made wide enough for every data set."""
    found = {}
    for i, value in enumerate(model_inputs(model)):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_param:
                sizes = [read_tensor(folder / f"input_{i}.pb").dims[axis] for folder in folders]
                found.setdefault(dim.dim_param, [1, 64]).extend(sizes)
    return [part for name, sizes in found.items() for part in ("--dim", f"{name}={min(sizes)}..{max(sizes)}")]


def run_case(case, scratch):
    artifact = scratch / "case.lathe"
    model, folders = onnx.load(case / "model.onnx"), sorted(case.glob("test_data_set_*"))
    call("lathec", case / "model.onnx", "-q", "-o", artifact, *bound_sizes(model, folders))
    for folder in folders:
        run_data_set(artifact, folder, model, scratch)


def judge(case, scratch):
    """Why a case is refused, and what is wrong with it; None where that does not apply."""
    try:
        run_case(case, scratch)
    except SystemExit as failure:
        reason = str(failure)
        refused = re.search(r"^lathec ended with 1: .*error: .*(node|input|output) '", reason, re.S)
        return (reason, None) if refused else (None, reason)
    return None, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("group")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    may_be_refused = pathlib.Path(__file__).with_suffix(".txt").read_text().split()
    passed, refused, problems = 0, [], []
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    for case in sorted((DATA / arguments.group).iterdir()):
        name = f"{arguments.group}/{case.name}"
        reason, wrong = judge(case, arguments.scratch)
        if wrong or reason and name not in may_be_refused:
            problems.append(f"{name}: {wrong or reason}")
        elif reason:
            refused.append(name)
        else:
            passed += 1
    shutil.rmtree(arguments.scratch)
    if arguments.list:
        print(*refused, *[problem.partition(":")[0] for problem in problems], sep="\n")
        return
    for problem in problems:
        print(problem)
    print(f"{arguments.group}: {passed} passed, {len(refused)} refused, {len(problems)} wrong")
    sys.exit(1 if problems or not passed else 0)


if __name__ == "__main__":
    main()
