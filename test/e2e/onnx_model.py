"""Compiles an ONNX model and holds what `lathe run` computes against onnxruntime.

onnx_model.py MODEL.onnx SCRATCH [--at NAME=SIZE,...]... [--ints INPUT=LOW:HIGH]... [--lathec FLAG]... [--plain]
    [--weight-bytes N]

The model is compiled once, with bounds that hold every --at, then run once for each of them (once if there is none) on
random inputs: normal for floats, LOW to HIGH - 1 for integers (0 and 1 unless told), 1 where a mask begins. Outputs
must have the reference's type and shape; floats must be within the tolerance that Tolerance.h gives compiled code of
their type, all other types equal. With --plain onnxruntime computes each node as it stands: its optimizer gives other
arithmetic to pairs of QuantizeLinear and DequantizeLinear. With --weight-bytes the artifact's weights take at most so many.
SCRATCH is a folder, empty afterwards.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = ROOT / "dialects" / "lathe" / "reference" / "Tolerance.h"


def tolerance(dtype):
    """Largest difference in units of max(1, largest expected magnitude), and relative root mean square."""
    name = {"float16": "AnyF16", "bfloat16": "AnyBF16"}.get(np.dtype(dtype).name, "KernelF32")
    found = re.search(rf"Tolerance {name} = \{{\s*([0-9.e-]+), ([0-9.e-]+),", HEADER.read_text())
    return float(found[1]), float(found[2])


def compare(name, got, wanted):
    """Says how far apart two arrays are, and exits if that is too far."""
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        sys.exit(f"output '{name}': got {got.dtype}{got.shape}, wanted {wanted.dtype}{wanted.shape}")
    if not np.issubdtype(wanted.dtype, np.floating):
        if not np.array_equal(got, wanted):
            sys.exit(f"output '{name}': {np.count_nonzero(got != wanted)} of {wanted.size} elements differ")
        return 0.0
    finite = np.isfinite(wanted)
    if wanted.size and not finite.any():
        sys.exit(f"output '{name}': the reference is not finite, so it says nothing")
    # Where the model itself gives infinity or NaN, nothing else will do.
    if not np.array_equal(got[~finite].astype(np.float64), wanted[~finite].astype(np.float64), equal_nan=True):
        sys.exit(f"output '{name}': differs where the reference is not finite")
    exact = wanted[finite].astype(np.float64)
    difference = got[finite].astype(np.float64) - exact
    if not np.isfinite(difference).all():
        sys.exit(f"output '{name}': values that are not finite")
    max_absolute, relative_rms = tolerance(wanted.dtype)
    scale = max(1.0, float(np.abs(exact).max(initial=0)))
    largest = float(np.abs(difference).max(initial=0)) / scale
    rms = float(np.sqrt((difference**2).mean() / max((exact**2).mean(), 1e-300))) if exact.size else 0.0
    if not (largest <= max_absolute and rms <= relative_rms):
        sys.exit(f"output '{name}': max_abs {largest:.3g} (at most {max_absolute:g}), "
                 f"relative_rms {rms:.3g} (at most {relative_rms:g})")  # fmt: skip
    return rms


def random_array(rng, value, sizes, ints):
    """An array for a graph input."""
    tensor = value.type.tensor_type
    shape = [dim.dim_value if dim.HasField("dim_value") else sizes[dim.dim_param or f"{value.name}_{axis}"]
             for axis, dim in enumerate(tensor.shape.dim)]  # fmt: skip
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    if np.issubdtype(dtype, np.floating):
        return np.asarray(rng.standard_normal(shape), dtype)
    low, high = ints.get(value.name, (0, 2))
    array = rng.integers(low, high, shape).astype(dtype)
    if "mask" in value.name:
        array[..., 0] = 1  # a row that attends to nothing has no meaning
    return array


def model_inputs(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def compile_model(path, out, ats, flags):
    bounds = [f"--dim={name}={min(at[name] for at in ats)}..{max(at[name] for at in ats)}" for name in ats[0]]
    subprocess.run(["lathec", path, "-q", "-o", out, *bounds, *flags], check=True)


def run_model(artifact, scratch, inputs, names):
    """What `lathe run` writes for each output."""
    command = ["lathe", "run", artifact]
    for i, (name, array) in enumerate(inputs.items()):
        np.save(scratch / f"in{i}.npy", array)
        command += ["--input", f"{name}={scratch}/in{i}.npy"]
    for i, name in enumerate(names):
        command += ["--output", f"{name}={scratch}/out{i}.npy"]
    subprocess.run(command, check=True)
    return [np.load(scratch / f"out{i}.npy") for i in range(len(names))]


def check_weights(artifact, most):
    """Exits if the weights of an artifact take more bytes."""
    manifest = subprocess.run(["lathe", "inspect", "--json", artifact], check=True, capture_output=True, text=True).stdout
    taken = sum(weight["bytes"] for weight in json.loads(manifest)["weights"])
    print(f"weights take {taken} bytes")
    if taken > most:
        sys.exit(f"weights take {taken} bytes, needed at most {most}")


def check_model(path, scratch, ats, make_inputs, flags=(), plain=False, weight_bytes=None):
    """Compiles and runs the model; make_inputs(model, at) gives arrays by name."""
    model = onnx.load(path, load_external_data=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    reference = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in model.graph.output]
    artifact = scratch / "model.lathe"
    compile_model(path, artifact, ats, flags)
    if weight_bytes is not None:
        check_weights(artifact, weight_bytes)
    for at in ats:
        inputs = make_inputs(model, at)
        results = run_model(artifact, scratch, inputs, names)
        worst = max(compare(*each) for each in zip(names, results, reference.run(names, inputs)))
        print(f"{pathlib.Path(path).stem}", *[f"{name} {size}" for name, size in at.items()], f"relative_rms {worst:.2g}")


def sizes(text):
    return {name: int(size) for name, _, size in (part.partition("=") for part in text.split(","))}


def interval(text):
    name, _, bounds = text.partition("=")
    return name, tuple(int(bound) for bound in bounds.split(":"))


def work_in(scratch, work):
    """Calls work() while the folder exists; a program that fails within ends this one too."""
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        work()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} ended with {error.returncode}")
    finally:
        shutil.rmtree(scratch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--at", type=sizes, action="append")
    parser.add_argument("--ints", type=interval, action="append", default=[])
    parser.add_argument("--lathec", action="append", default=[])
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--weight-bytes", type=int)
    arguments = parser.parse_args()
    rng, ints = np.random.default_rng(0), dict(arguments.ints)

    def make_inputs(model, at):
        return {value.name: random_array(rng, value, at, ints) for value in model_inputs(model)}

    def check():
        check_model(arguments.model, arguments.scratch, arguments.at or [{}], make_inputs, arguments.lathec,
                    arguments.plain, arguments.weight_bytes)

    work_in(arguments.scratch, check)


if __name__ == "__main__":
    main()
