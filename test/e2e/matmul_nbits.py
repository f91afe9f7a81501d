"""Compiles a model with MatMulNBits nodes in f16, holds it against onnxruntime, and its weights against the model's codes.

usage: matmul_nbits.py SCRATCH

Codes of 4 bits around 8 with f16 scales must come to lie in the artifact as blocks of q4_0 that have exactly the model's
numbers, also where a scale is for more than 32 columns and a block of 32 leaves the largest codes out. What the blocks cannot
hold, zero points, stays in floats.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

from blocks import read_blocks, unpack
from onnx_model import compare, compile_model, run_model, work_in

import onnxruntime

COLUMNS = 256
# rows, columns of a scale, whether there are zero points
LAYERS = [(96, 32, False), (COLUMNS, 128, False), (64, 32, True)]


def pack(codes):
    return (codes[..., ::2] | codes[..., 1::2] << 4).astype(np.uint8)


def make_layer(rng, name, rows, block, has_zeros):
    """A node's further inputs as initializers, and the values of its matrix."""
    blocks = COLUMNS // block
    codes = np.clip(np.round(rng.normal(8, 2.5, (rows, blocks, block))), 0, 15).astype(np.uint8)
    codes[:, 0] = np.clip(codes[:, 0], 6, 10)  # blocks without large codes
    codes[0, 0] = 8
    scales = (rng.uniform(0.002, 0.02, (rows, blocks)) * rng.choice([-1, 1], (rows, blocks))).astype(np.float16)
    zeros = rng.integers(0, 16, (rows, blocks), dtype=np.uint8) if has_zeros else np.full((rows, blocks), 8, np.uint8)
    arrays = {"codes": pack(codes), "scales": scales.ravel()}
    if has_zeros:
        arrays["zeros"] = pack(zeros).ravel()
    tensors = [onnx.numpy_helper.from_array(array, f"{name}.{kind}") for kind, array in arrays.items()]
    values = (codes.astype(np.float32) - zeros[..., None]) * scales[..., None].astype(np.float32)
    return tensors, values.reshape(rows, COLUMNS)


def make_model(rng):
    nodes, tensors, matrices, x = [], [], {}, "x"
    for i, (rows, block, has_zeros) in enumerate(LAYERS):
        made, matrices[f"layer{i}.codes"] = make_layer(rng, f"layer{i}", rows, block, has_zeros)
        tensors += made
        source = x if rows == COLUMNS else "x"  # each layer reads rows of COLUMNS
        nodes.append(helper.make_node("MatMulNBits", [source] + [t.name for t in made], [f"y{i}"], domain="com.microsoft",
                                      N=rows, K=COLUMNS, bits=4, block_size=block))  # fmt: skip
    tensor = lambda name, columns: helper.make_tensor_value_info(name, TensorProto.FLOAT16, ["tokens", columns])
    outputs = [tensor(f"y{i}", rows) for i, (rows, _, _) in enumerate(LAYERS)]
    graph = helper.make_graph(nodes, "nbits", [tensor("x", COLUMNS)], outputs, tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), matrices


def check(scratch):
    rng = np.random.default_rng(3)
    model, matrices = make_model(rng)
    path, artifact = scratch / "model.onnx", scratch / "model.lathe"
    onnx.save(model, path)
    ats = [{"tokens": 1}, {"tokens": 37}]
    compile_model(path, artifact, ats, [])
    blocks = {name.partition(":")[0]: weight for name, weight in read_blocks(artifact).items()}
    kept = {name: matrix for name, matrix in matrices.items() if name in blocks}
    assert len(kept) == 2 and "layer2.codes" not in kept, list(blocks)
    for name, matrix in kept.items():
        assert blocks[name][0] == "q4_0" and np.array_equal(unpack(blocks[name]), matrix), name
    names = [output.name for output in model.graph.output]
    reference = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for at in ats:
        inputs = {"x": rng.normal(size=(at["tokens"], COLUMNS)).astype(np.float16)}
        for each in zip(names, run_model(artifact, scratch, inputs, names), reference.run(names, inputs)):
            print(f"relative_rms {compare(*each):.2g}")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    work_in(folder, lambda: check(folder))
