"""Compiles a model with MatMulNBits nodes, holds it against onnxruntime, and its weights against the model's codes.

usage: matmul_nbits.py SCRATCH float32|float16

Codes must come to lie in the artifact as blocks that have exactly the model's numbers: those of 4 bits around 8 with f16
scales for whole blocks of 32 as q4_0, also where a scale is for more columns and a block of 32 leaves the largest codes out;
all others as the model has them, with its zero points, whatever their type. Rows that end within a block stay floats.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

from blocks import read_blocks, unpack, unpack_blocked
from onnx_model import compare, compile_model, run_model, work_in

import onnxruntime

COLUMNS = 256
# rows, columns of a row, bits, columns of a scale, zero points: none, of codes or of floats
LAYERS = [(96, COLUMNS, 4, 32, None), (COLUMNS, COLUMNS, 4, 128, None), (64, COLUMNS, 4, 32, "codes"),
          (48, COLUMNS, 4, 16, None), (33, COLUMNS, 8, 64, None), (16, COLUMNS, 8, 256, "codes"),
          (40, COLUMNS, 2, 64, None), (24, COLUMNS, 2, 32, "codes"), (32, COLUMNS, 4, 64, "floats"),
          (8, COLUMNS - 16, 4, 32, "codes")]  # fmt: skip


def pack(codes, bits):
    """Codes of the last dimension, the low ones of a byte first; a part of a byte is filled with zeros."""
    per = 8 // bits
    padded = np.zeros(codes.shape[:-1] + (-(-codes.shape[-1] // per), per), np.uint8)
    padded.reshape(*codes.shape[:-1], -1)[..., : codes.shape[-1]] = codes
    return np.bitwise_or.reduce(padded << (np.arange(per, dtype=np.uint8) * bits), axis=-1).astype(np.uint8)


def make_layer(rng, name, rows, columns, bits, block, zeros, dtype):
    """A node's further inputs as initializers, and the values of its matrix."""
    blocks, middle, most = -(-columns // block), 1 << (bits - 1), (1 << bits) - 1
    codes = np.clip(np.round(rng.normal(middle, middle / 3, (rows, blocks, block))), 0, most).astype(np.uint8)
    codes[:, 0] = np.clip(codes[:, 0], middle - middle // 4, middle + middle // 4)  # blocks without large codes
    codes[0, 0] = middle
    scales = (rng.uniform(0.002, 0.02, (rows, blocks)) * rng.choice([-1, 1], (rows, blocks))).astype(dtype)
    arrays = {"codes": pack(codes, bits), "scales": scales.ravel()}
    points = np.full((rows, blocks), middle, np.float32)
    if zeros == "codes":
        points = rng.integers(0, most + 1, (rows, blocks)).astype(np.uint8)
        arrays["zeros"] = pack(points, bits).ravel()
    elif zeros == "floats":
        points = rng.uniform(0, most, (rows, blocks)).astype(dtype)
        arrays["zeros"] = points
    tensors = [onnx.numpy_helper.from_array(array, f"{name}.{kind}") for kind, array in arrays.items()]
    values = (codes.astype(np.float32) - points[..., None].astype(np.float32)) * scales[..., None].astype(np.float32)
    return tensors, values.reshape(rows, -1)[:, :columns]


def make_model(rng, dtype):
    nodes, tensors, matrices = [], [], {}
    for i, (rows, columns, bits, block, zeros) in enumerate(LAYERS):
        made, matrices[f"layer{i}.codes"] = make_layer(rng, f"layer{i}", rows, columns, bits, block, zeros, dtype)
        tensors += made
        source = "x" if columns == COLUMNS else "part"
        nodes.append(helper.make_node("MatMulNBits", [source] + [t.name for t in made], [f"y{i}"], domain="com.microsoft",
                                      N=rows, K=columns, bits=bits, block_size=block, accuracy_level=0))  # fmt: skip
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    tensor = lambda name, columns: helper.make_tensor_value_info(name, kind, ["tokens", columns])
    outputs = [tensor(f"y{i}", layer[0]) for i, layer in enumerate(LAYERS)]
    inputs = [tensor("x", COLUMNS), tensor("part", COLUMNS - 16)]
    graph = helper.make_graph(nodes, "nbits", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), matrices


def check(scratch, dtype):
    rng = np.random.default_rng(3)
    model, matrices = make_model(rng, dtype)
    path, artifact = scratch / "model.onnx", scratch / "model.lathe"
    onnx.save(model, path)
    ats = [{"tokens": 1}, {"tokens": 37}]
    compile_model(path, artifact, ats, [])
    blocks = {name.partition(":")[0]: weight for name, weight in read_blocks(artifact).items()}
    assert set(blocks) == set(list(matrices)[:-1]), list(blocks)
    for name, weight in blocks.items():
        number = int(name.removeprefix("layer").removesuffix(".codes"))
        rows, columns, bits, block, zeros = LAYERS[number]
        is_q4_0 = bits == 4 and block % 32 == 0 and zeros is None and dtype == "float16"
        assert (weight[0] == "q4_0") == is_q4_0, (name, weight[0])
        values = unpack(weight) if is_q4_0 else unpack_blocked(weight)
        assert np.array_equal(values, matrices[name]), name
        assert len(weight[2]) * 8 <= rows * columns * (bits + 9 * 8 / block), (name, len(weight[2]))
    names = [output.name for output in model.graph.output]
    reference = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for at in ats:
        inputs = {value.name: rng.normal(size=(at["tokens"], value.type.tensor_type.shape.dim[1].dim_value)).astype(dtype)
                  for value in model.graph.input}  # fmt: skip
        for each in zip(names, run_model(artifact, scratch, inputs, names), reference.run(names, inputs)):
            print(f"{each[0]} relative_rms {compare(*each):.2g}")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    work_in(folder, lambda: check(folder, sys.argv[2]))
