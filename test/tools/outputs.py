"""Fails where a program of ours leaves half of a file, or touches an old one before the new one is whole.

outputs.py MODELS FOLDER. A full disk is played by a limit on the size of files, beyond which the system takes no more.
"""

import os
import pathlib
import resource
import signal
import subprocess
import sys

import onnx
from onnx import TensorProto, helper

models, folder = map(pathlib.Path, sys.argv[1:])
digits, good, output = models / "digits.onnx", folder / "good.lathe", folder / "out"
COMPILE = ["lathec", digits, "-q", "-o"]
RUN = ["lathe", "run", good, "--random", "--dim", "batch=64", "--output"]
CASES = [  # a command that writes more than 1,024 bytes to its last path, or into a folder of that name
    [*COMPILE, output / "x.lathe"],
    [*COMPILE[:-1], "--emit=obj", "-o", output / "x.o"],
    [*COMPILE[:-1], "--emit=llvm", "-o", output / "x.ll"],
    [*COMPILE[:-1], "--stop-after=plan", "-o", output / "x.mlir"],
    [*RUN, f"probabilities={output / 'x.npy'}"],
    [*RUN, f"probabilities={output / 'x.pb'}"],
    ["lathe", "bench", good, "--repeat", "1", f"--report={output / 'x.html'}"],
]
wrong = 0


def expect(holds, command, problem):
    global wrong
    if not holds:
        print(f"{' '.join(map(str, command))}: {problem}", file=sys.stderr)
        wrong += 1


def run(command):
    """Runs a command whose files may take 1,024 bytes."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)


def leaves_no_name():
    """Whether the file system lets files be without a name."""
    try:
        os.close(os.open(output, os.O_TMPFILE | os.O_RDWR))
        return True
    except OSError:
        return False


def write_large_model(path, rows=4096):
    """A product with a weight of 64 MiB, in a sparse file."""
    with open(path.with_suffix(".data"), "wb") as data:
        data.truncate(rows * rows * 4)
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[rows, rows], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=path.with_suffix(".data").name)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, rows]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "large", ports[:1], ports[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def is_writing(process):
    """Whether the process has a file without a name in the folder of outputs, with something in it."""
    fds = pathlib.Path(f"/proc/{process.pid}/fd")
    try:
        return any(os.readlink(fd).startswith(f"{output}/#") and os.stat(fd).st_blocks for fd in fds.iterdir())
    except OSError:  # the process or a file of it has just gone
        return False


subprocess.run([*COMPILE, good], check=True)
output.mkdir()
for command in CASES:
    path = output / str(command[-1]).split("/")[-1]
    path.write_text("old")
    done = run(command)
    expect(done.returncode == 3, command, f"ended with {done.returncode}, wanted 3")
    expect("cannot write: File too large" in done.stderr, command, f"said '{done.stderr.strip()}'")
    expect(os.listdir(output) == [path.name], command, f"left {sorted(os.listdir(output))}")
    expect(path.read_text() == "old", command, "touched the old file")
    path.unlink()

# A compiler that is killed in the middle of its artifact.
if leaves_no_name():
    write_large_model(folder / "large.onnx")
    command = ["lathec", folder / "large.onnx", "-q", "-o", output / "x.lathe"]
    with subprocess.Popen(command) as process:
        while process.poll() is None and not is_writing(process):
            pass
        process.kill()
    expect(process.returncode == -signal.SIGKILL, command, f"ended with {process.returncode} before it was killed")
    expect(os.listdir(output) == [], command, f"left {os.listdir(output)}")

# Links are followed; a device is written to as it is, and stays one.
real = folder / "real.mlir"
real.write_text("old")
(folder / "link.mlir").symlink_to(real)
for target in (folder / "link.mlir", "/dev/null"):
    command = [*COMPILE, target, "--stop-after=import"]
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode == 0, command, f"ended with {done.returncode}: {done.stderr}")
expect((folder / "link.mlir").is_symlink() and "func.func" in real.read_text(), ["link.mlir"], "was not followed")
expect(not os.path.isfile("/dev/null"), ["/dev/null"], "has become a file")
sys.exit(1 if wrong else 0)
