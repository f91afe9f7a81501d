"""Holds the operator Gradient against differences of the function itself: gradient.py EVALUATE FOLDER

Each line of CASES is inputs | nodes that compute y | xs | zs | values that stand for these, by name, if others | nodes whose
differences are taken, if others: of fake quantization the clipping, as its derivative is straight-through. T is float in
the model that is compiled, and double where the reference evaluator of the onnx package computes
(sum y(x + h) - sum y(x - h)) / 2h for each element of each x. N is 3 when a model runs.
"""

import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
from onnx.reference import ReferenceEvaluator

CASES = """
T[N,4] a, T[N,4] b | y = Add(a, b) | a b | |
T[N,4] a, T[4] b | y = Sub(a, b) | a b | |
T[N,1,4] a, T[2,1] b | y = Mul(a, b) | a b | |
T[N,4] a, T[N,1] b | e = Exp(b) ; y = Div(a, e) | a b | |
T[N,4] a | n = Neg(a) ; y = Exp(n) | a | |
T[N,4] a | m = Mul(a, a) ; e = Exp(m) ; l = Log(e) ; y = Sqrt(e) | a | |
T[N,4] a | e = Exp(a) ; s = Sqrt(e) ; r = Reciprocal(s) ; y = Log(r) | a | |
T[N,4] a | s = Sin(a) ; c = Cos(a) ; y = Mul(s, c) | a | |
T[N,4] a | t = Tanh(a) ; y = Mul(t, a) | a | |
T[N,4] a | t = Sigmoid(a) ; y = Mul(t, a) | a | |
T[N,4] a, T[4] b | s = Add(a, b) ; r = Relu(s) ; y = Mul(r, s) | a b | |
T[N,4] a, T[N,4] b | c = Less(a, b) ; m = Mul(a, a) ; y = Where(c, m, b) | a b | |
T[N,4] a, T b | c = Less(a, b) ; y = Where(c, b, a) | a b | |
T[N,4] a | t = Transpose<perm=[1,0]>(a) ; m = Mul(t, t) ; y = Exp(m) | a | |
T[N,2,3] a | s = Constant<value_ints=[0,6]>() ; r = Reshape(a, s) ; y = Mul(r, r) | a | |
T[N,4] a | x = Constant<value_ints=[1]>() ; s = ReduceSum<keepdims=1>(a, x) ; y = Mul(a, s) | a | |
T[2,N,4] a | x = Constant<value_ints=[0,2]>() ; s = ReduceSum<keepdims=0>(a, x) ; y = Exp(s) | a | |
T[N,4] a | x = Constant<value_ints=[1]>() ; s = ReduceMean<keepdims=0>(a, x) ; y = Mul(s, s) | a | |
T[N,4] a, T[4,5] b | p = MatMul(a, b) ; y = Mul(p, p) | a b | |
T[N,4] a, T[5,4] b, T[5] c | p = Gemm<transB=1>(a, b, c) ; y = Tanh(p) | a b c | |
T[N,4] a, T[4] b | s = Add(a, b) ; m = Mul(s, s) ; y = Exp(m) | s b | |
T[N,4] a, T[4] b | s = Add(a, b) ; y = Mul(s, a) | a | b |
T[N,4] a, T[4] b, T[4] c | y = Mul(a, a) | b a | |
T[N,4] a, T[4] b, T[N,4] c, T[4] d | s = Mul(a, b) ; y = Exp(s) | a b | | c d
T[N,4] a, T[4] b, T[4] d | s = Mul(a, b) ; y = Exp(s) | a | b | a d
T[N,4] a, T[4] b | s = Constant<value_float=0.01>() ; z = Constant<value=int8 {3}>() ; q = QuantizeLinear(a, s, z) ; d = DequantizeLinear(q, s, z) ; y = Mul(d, b) | a | | | l = Constant<value_float=-1.315>() ; h = Constant<value_float=1.245>() ; c = Clip(a, l, h) ; y = Mul(c, b)
T[N,4] a, T[4,3] b | s = Constant<value_floats=[0.01,0.005,0.02]>() ; z = Constant<value=uint8[3] {128,100,0}>() ; q = QuantizeLinear<axis=1>(b, s, z) ; d = DequantizeLinear<axis=1>(q, s, z) ; y = MatMul(a, d) | b | | | l = Constant<value_floats=[-1.285,-0.5025,-0.01]>() ; h = Constant<value_floats=[1.275,0.7775,5.11]>() ; m = Max(b, l) ; c = Min(m, h) ; y = MatMul(a, c)
"""
SIZES = {"N": 3}
# The compiled model rounds to f32 some ten times; a difference with h = 1e-5 in f64 is off by about 1e-9.
TOLERANCE = 4e-6


def parse(inputs, nodes, element, output="y"):
    opsets = '"" : 18, "ai.onnx.preview.training" : 1'
    text = f"<ir_version: 8, opset_import: [{opsets}]> model ({inputs}) => (T {output}) {{ {nodes} }}"
    model = onnx.parser.parse_model(text.replace("T[", element + "[").replace("T ", element + " ").replace(" ;", "\n"))
    for value in model.graph.output:
        value.ClearField("type")
    return model


def shapes(model):
    sizes = lambda value: [dim.dim_value or SIZES[dim.dim_param] for dim in value.type.tensor_type.shape.dim]
    return {value.name: sizes(value) for value in model.graph.input}


def widen(nodes):
    """Constants of the reference are doubles, as what they meet."""
    def number(found):
        count = f"[{found[2].count(',') + 1}]" if found[1] else ""
        return f"value=double{count} {{{found[2]}}}"

    return re.sub(r"value_float(s?)=\[?([-0-9.,]+)\]?", number, nodes)


def slope(inputs, nodes, variable, values, points):
    """The derivative of the sum of y by a variable, where the named ones have the values in `points`."""
    model = parse(inputs, widen(nodes), "double")
    # A variable that nodes compute becomes an input, and so do all others that have values of their own.
    graph = model.graph
    kept = [node for node in graph.node if not set(node.output) & set(points)]
    del graph.node[:]
    graph.node.extend(kept)
    known = {value.name for value in graph.input}
    for name, point in points.items():
        if name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, point.shape))
    evaluator, feeds = ReferenceEvaluator(model), values | points
    result = np.zeros_like(points[variable])
    for place in np.ndindex(result.shape):
        sums = []
        for step in (1e-5, -1e-5):
            moved = points[variable].copy()
            moved[place] += step
            sums.append(evaluator.run(None, feeds | {variable: moved})[0].sum())
        result[place] = (sums[0] - sums[1]) / 2e-5
    return result


def prepare(line, folder, rng):
    """Writes the model and its inputs, and returns the expected outputs by name."""
    inputs, nodes, xs, zs, given, smooth = ([part.strip() for part in line.split("|")] + [""])[:6]
    xs, zs = xs.split(), zs.split()
    given = given.split() or xs + zs
    values = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes(parse(inputs, nodes, "float")).items()}
    quoted = lambda names: ", ".join(f'"{name}"' for name in names)
    attributes = f'xs = [{quoted(xs)}], y = "y"' + (f", zs = [{quoted(zs)}]" if zs else "")
    outputs = ", ".join(f"d_{name}" for name in xs)
    node = f"{outputs} = ai.onnx.preview.training.Gradient<{attributes}>({', '.join(given)})"
    model = parse(inputs, f"{nodes} ; {node}", "float")
    model.graph.output.extend(onnx.ValueInfoProto(name=f"d_{name}") for name in xs)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value)
    wide = {name: value.astype(np.float64) for name, value in values.items()}
    points = {}
    for name, source in zip(xs + zs, given):
        if source not in wide:  # computed by the graph
            computed = parse(inputs, nodes.split(" ; y =")[0], "double", source)
            wide[source] = ReferenceEvaluator(computed).run(None, wide)[0]
        points[name] = wide[source]
    wide = {name: value for name, value in wide.items() if name in values}
    return {f"d_{name}": slope(inputs, smooth or nodes, name, wide, points) for name in xs}


def main():
    evaluate, root = sys.argv[1], pathlib.Path(sys.argv[2])
    lines = [line for line in CASES.splitlines() if line]
    rng = np.random.default_rng(7)
    folders = [root / str(index) for index in range(len(lines))]
    expected = [prepare(line, folder, rng) for line, folder in zip(lines, folders)]
    for result in root.glob("*/*.result.npy"):
        result.unlink()
    status = subprocess.run([evaluate, *folders]).returncode
    failures = 0
    for line, folder, outputs in zip(lines, folders, expected):
        for name, wanted in outputs.items():
            path = folder / f"{name}.result.npy"
            found = np.load(path) if path.exists() else None
            if found is None or found.shape != wanted.shape:
                why = "no result" if found is None else f"shape {found.shape}, needed {wanted.shape}"
            else:
                error = np.max(np.abs(found - wanted) / np.maximum(np.abs(wanted), 1), initial=0)
                why = None if error <= TOLERANCE else f"differs by {error:.3g} of max(value, 1)"
            if why:
                print(f"{folder.name}: {line}: {name}: {why}")
                failures += 1
    print(f"{failures} of {sum(map(len, expected))} gradients differ")
    sys.exit(1 if failures or status else 0)


if __name__ == "__main__":
    main()
