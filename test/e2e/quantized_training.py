"""Trains a classifier of digits with quantization in the loop, by gradients that are compiled, and compiles what was trained.

usage: quantized_training.py SCRATCH

Weights pass by int8 and hidden activations by uint8 in each step (QuantizeLinear, DequantizeLinear); their gradients go straight
through, by the operator Gradient. The trained model has the same pairs with the last scales: compiled it must give
onnxruntime's numbers, keep its weights in blocks of 8 bits, and know the digits that it has not seen.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnx.parser
from blocks import read_blocks, unpack_blocked
from onnx_model import compare, compile_model, run_model, work_in

import onnxruntime

MODELS = pathlib.Path(__file__).parents[1] / "models"
HIDDEN, TRAINING, STEPS = 32, 240, 40
NAMES = ["w1", "b1", "w2", "b2"]
SHAPES = {"w1": [64, HIDDEN], "b1": [HIDDEN], "w2": [HIDDEN, 10], "b2": [10]}
SCALES = ["s1", "sh", "s2"]

LOGITS = """
  zero = Constant<value = int8 {0}>()
  none = Constant<value = uint8 {0}>()
  c1 = QuantizeLinear(w1, s1, zero)
  q1 = DequantizeLinear(c1, s1, zero)
  p1 = MatMul(x, q1)
  a1 = Add(p1, b1)
  h = Relu(a1)
  ch = QuantizeLinear(h, sh, none)
  qh = DequantizeLinear(ch, sh, none)
  c2 = QuantizeLinear(w2, s2, zero)
  q2 = DequantizeLinear(c2, s2, zero)
  p2 = MatMul(qh, q2)
  logits = Add(p2, b2)
"""
# The cross entropy of each picture, and its gradients.
LOSS = """
  one = Constant<value_ints = [1]>()
  e = Exp(logits)
  sum = ReduceSum<keepdims = 0>(e, one)
  log = Log(sum)
  chosen = Mul(logits, t)
  own = ReduceSum<keepdims = 0>(chosen, one)
  loss = Sub(log, own)
  d_w1, d_b1, d_w2, d_b2 = ai.onnx.preview.training.Gradient<xs = ["w1", "b1", "w2", "b2"], y = "loss">(w1, b1, w2, b2)
"""


def parse(inputs, outputs, nodes):
    opsets = '"" : 18, "ai.onnx.preview.training" : 1'
    return onnx.parser.parse_model(f"<ir_version: 8, opset_import: [{opsets}]> digits ({inputs}) => ({outputs}) {{ {nodes} }}")


def declare(names):
    return ", ".join(f"float[{','.join(map(str, SHAPES[name]))}] {name}" if name in SHAPES else f"float {name}" for name in names)


def measure(weights, images):
    """Scales by the largest magnitudes; hidden activations are not negative."""
    hidden = np.maximum(images @ weights["w1"] + weights["b1"], 0)
    largest = {"s1": np.abs(weights["w1"]).max() / 127, "sh": hidden.max() / 255, "s2": np.abs(weights["w2"]).max() / 127}
    return {name: np.array(scale, np.float32) for name, scale in largest.items()}


def train(scratch, images, digits):
    gradients = [f"d_{name}" for name in NAMES]
    outputs = ", ".join(["float[N] loss"] + [f"float[{','.join(map(str, SHAPES[name]))}] d_{name}" for name in NAMES])
    model = parse("float[N,64] x, float[N,10] t, " + declare(NAMES + SCALES), outputs, LOGITS + LOSS)
    onnx.save(model, scratch / "step.onnx")
    compile_model(scratch / "step.onnx", scratch / "step.lathe", [{"N": len(images)}], [])
    rng = np.random.default_rng(2)
    weights = {name: (rng.normal(size=SHAPES[name]) * (0.15 if name[0] == "w" else 0)).astype(np.float32) for name in NAMES}
    speed = {name: np.zeros_like(weights[name]) for name in NAMES}
    losses = []
    for _ in range(STEPS):
        inputs = {"x": images, "t": np.eye(10, dtype=np.float32)[digits], **weights, **measure(weights, images)}
        loss, *steps = run_model(scratch / "step.lathe", scratch, inputs, ["loss"] + gradients)
        losses.append(loss.mean())
        for name, gradient in zip(NAMES, steps):
            speed[name] = np.float32(0.9) * speed[name] - np.float32(0.15 / len(images)) * gradient
            weights[name] += speed[name]
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    assert losses[-1] < 0.25 * losses[0], losses
    return weights


def check(scratch):
    images = np.load(MODELS / "digits_images.npy").reshape(-1, 64)
    digits = np.load(MODELS / "digits_labels.npy")
    weights = train(scratch, images[:TRAINING], digits[:TRAINING])
    model = parse("float[N,64] x", "float[N,10] logits", LOGITS)
    trained = weights | measure(weights, images[:TRAINING])
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in trained.items())
    path, artifact, unseen = scratch / "model.onnx", scratch / "model.lathe", images[TRAINING:]
    onnx.save(model, path)
    compile_model(path, artifact, [{"N": len(unseen)}], [])
    blocks = {name.partition(":")[0]: weight for name, weight in read_blocks(artifact).items()}
    for name, scale in (("w1", "s1"), ("w2", "s2")):
        codes = np.clip(np.round(weights[name] / trained[scale]), -128, 127)
        assert np.array_equal(unpack_blocked(blocks[name]).T, codes * trained[scale]), name
        assert len(blocks[name][2]) == codes.size + 4 * codes.shape[1], name  # a byte each, and a scale for each row
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    wanted = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, {"x": unseen})
    found = run_model(artifact, scratch, {"x": unseen}, ["logits"])
    right = (found[0].argmax(1) == digits[TRAINING:]).mean()
    print(f"relative_rms {compare('logits', found[0], wanted[0]):.2g}, {right:.1%} of {len(unseen)} unseen digits right")
    assert right > 0.85, right


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    work_in(folder, lambda: check(folder))
