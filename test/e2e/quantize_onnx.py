"""Quantizes an ONNX model while it is compiled, and holds it against onnxruntime on the model with the weights that the gguf
package finds in the blocks.

usage: quantize_onnx.py MODEL.onnx SCRATCH [--at NAME=SIZE,...]... [--ints INPUT=LOW:HIGH]...

Every weight that a MatMul or a Gemm reads and whose rows hold whole blocks of q8_0 must be quantized. Tolerances are those
of the float model: the weights are the same numbers on both sides.
"""

import argparse
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from blocks import read_blocks, unpack
from onnx_model import compare, compile_model, interval, model_inputs, random_array, run_model, sizes, work_in

BLOCK = 32


def round_weights(model, blocks):
    """Gives products the values of blocks; returns the names of their weights."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    rounded = set()
    for node in model.graph.node:
        if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in tensors:
            continue
        transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        tensor = tensors[node.input[1]]
        values = onnx.numpy_helper.to_array(tensor)
        if values.ndim == 2 and values.shape[transposed] % BLOCK == 0 and tensor.name not in rounded:
            rounded_values = unpack(blocks[tensor.name])
            rounded_values = np.ascontiguousarray(rounded_values if transposed else rounded_values.T)
            difference = np.abs(rounded_values - values)
            assert 0 < difference.max() < np.abs(values).max() / 127, tensor.name
            tensor.CopyFrom(onnx.numpy_helper.from_array(rounded_values, tensor.name))
            rounded.add(tensor.name)
    return rounded


def check(arguments):
    path, scratch, ats = arguments.model, arguments.scratch, arguments.at or [{}]
    artifact, report = scratch / "model.lathe", scratch / "report.json"
    compile_model(path, artifact, ats, ["--quantize=q8_0", f"--report=quantization:{report}"])
    model = onnx.load(path)
    wanted, got = round_weights(model, read_blocks(artifact)), {tensor["name"] for tensor in json.load(report.open())["tensors"]}
    assert wanted and got == wanted, (got, wanted)
    reference = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names, rng = [output.name for output in model.graph.output], np.random.default_rng(0)
    for at in ats:
        inputs = {value.name: random_array(rng, value, at, dict(arguments.ints)) for value in model_inputs(model)}
        for each in zip(names, run_model(artifact, scratch, inputs, names), reference.run(names, inputs)):
            print(f"{len(got)} tensors, relative_rms {compare(*each):.2g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--at", type=sizes, action="append")
    parser.add_argument("--ints", type=interval, action="append", default=[])
    arguments = parser.parse_args()
    work_in(arguments.scratch, lambda: check(arguments))


if __name__ == "__main__":
    main()
