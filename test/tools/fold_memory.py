"""Compiles a product with a weight that is cast and transposed, and fails when that takes much memory.

fold_memory.py LATHEC FOLDER [--rows N] [--flag FLAG]...: the weight is f32 [N, N] in a sparse file beside the model. Counted is memory
that is no mapping of a file (RssAnon of /proc), at its greatest while the compiler runs, less what a weight of 1/64 of
the rows takes. It may be a quarter of the weight; with N = 32768, a weight of 4 GiB, that is 1 GiB.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import time

import onnx
from onnx import TensorProto, helper

parser = argparse.ArgumentParser()
parser.add_argument("lathec")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--rows", type=int, default=8192)
parser.add_argument("--flag", action="append", default=[])
arguments = parser.parse_args()


def write_model(rows):
    """matmul(x, transpose(cast(w))), f16, with w in a file that takes no blocks on the disk but for a few numbers."""
    path = arguments.folder / f"fold-{rows}.onnx"
    with open(path.with_suffix(".data"), "wb") as data:
        for place in (0, rows * rows * 2, rows * rows * 4 - 4):
            data.seek(place)
            data.write(b"\0\0\x80\x3f")
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[rows, rows], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", path.with_suffix(".data").name), ("offset", "0"), ("length", str(rows * rows * 4))):
        weight.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("Cast", ["w"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Transpose", ["half"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "turned"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1, rows]) for name in "xy"]
    graph = helper.make_graph(nodes, "fold", ports[:1], ports[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def measure(rows):
    """Bytes of anonymous memory that compiling takes at most."""
    model = write_model(rows)
    command = [arguments.lathec, model, "-q", "-o", model.with_suffix(".lathe"), *arguments.flag]
    peak = 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            if found := re.search(r"RssAnon:\s*(\d+) kB", status):
                peak = max(peak, int(found[1]) * 1024)
            time.sleep(0.002)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: ended with {process.returncode}")
    return peak


small, large = measure(arguments.rows // 64), measure(arguments.rows)
weight = arguments.rows**2 * 4
print(f"weight {weight >> 20} MiB: {large >> 20} MiB of memory, {small >> 20} MiB with a small one")
if not small:
    sys.exit("nothing was measured: /proc shows no RssAnon")
if large - small > weight // 4:
    sys.exit(f"folding takes {(large - small) >> 20} MiB, which is more than a quarter of the weight")
