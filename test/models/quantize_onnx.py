"""Quantizes an ONNX model with onnxruntime, for tests to compile.

usage: quantize_onnx.py MODEL.onnx OUT.onnx qdq|qoperator|dynamic [--int8] [--per-channel] [--optimize]
    [--ints INPUT=HIGH]... [--at NAME=SIZE,...]

qdq puts pairs of QuantizeLinear and DequantizeLinear around every operator, qoperator takes QLinearMatMul and its kin,
dynamic computes the scales of activations when the model runs (DynamicQuantizeLinear, MatMulInteger). Activations, and with
`dynamic` weights, are uint8, or int8 with --int8; other weights are int8. Ranges of activations are those of four random inputs:
normal for floats, 0 to HIGH - 1 for integers (0 and 1 unless told), 1 where a mask begins. --optimize leaves what onnxruntime's optimizer makes of the model (com.microsoft.DynamicQuantizeMatMul
and its kin).
"""

import argparse
import logging
import pathlib

import numpy as np
import onnx
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static


class RandomInputs(CalibrationDataReader):
    def __init__(self, model, sizes, highs):
        rng = np.random.default_rng(1)
        self.inputs = iter([{value.name: self.make(rng, value, sizes, highs) for value in model.graph.input} for _ in range(4)])

    @staticmethod
    def make(rng, value, sizes, highs):
        shape = [dim.dim_value or sizes[dim.dim_param] for dim in value.type.tensor_type.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if np.issubdtype(dtype, np.floating):
            return rng.standard_normal(shape).astype(dtype)
        array = rng.integers(0, highs.get(value.name, 2), shape).astype(dtype)
        if "mask" in value.name:
            array[..., 0] = 1
        return array

    def get_next(self):
        return next(self.inputs, None)


def quantize(arguments):
    kind = QuantType.QInt8 if arguments.int8 else QuantType.QUInt8
    if arguments.kind == "dynamic":
        return quantize_dynamic(arguments.model, arguments.out, per_channel=arguments.per_channel, weight_type=kind)
    inputs = RandomInputs(onnx.load(arguments.model), arguments.at, dict(arguments.ints))
    style = QuantFormat.QDQ if arguments.kind == "qdq" else QuantFormat.QOperator
    quantize_static(arguments.model, arguments.out, inputs, quant_format=style, per_channel=arguments.per_channel,
                    activation_type=kind, weight_type=QuantType.QInt8)  # fmt: skip


def optimize(path):
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = path + ".optimized"
    options.log_severity_level = 3
    InferenceSession(path, options, providers=["CPUExecutionProvider"])
    pathlib.Path(path + ".optimized").rename(path)


def main():
    pair = lambda text: (text.partition("=")[0], int(text.partition("=")[2]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("kind", choices=["qdq", "qoperator", "dynamic"])
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--per-channel", action="store_true")
    parser.add_argument("--optimize", action="store_true")
    parser.add_argument("--ints", type=pair, action="append", default=[])
    parser.add_argument("--at", type=lambda text: dict(map(pair, text.split(","))), default={})
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    pathlib.Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
    quantize(arguments)
    if arguments.optimize:
        optimize(arguments.out)


if __name__ == "__main__":
    main()
