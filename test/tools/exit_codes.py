"""Fails where a program of ours ends with another exit code than tools/ExitCodes.h says."""

import pathlib
import subprocess
import sys

models, folder = map(pathlib.Path, sys.argv[1:])
digits, good = models / "digits.onnx", folder / "digits.lathe"
(folder / "empty.onnx").write_bytes(b"")
(folder / "bad.mlir").write_text("func.func @f( {\n")
(folder / "fails.mlir").write_text('func.func @f() -> tensor<i64> {\n  %0 = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<i64>\n'
                                   "  return %0 : tensor<i64>\n}\n")
EXPECTED = [
    (0, "lathec", "--help"),
    (0, "lathec", digits, "-q", "-o", good),
    (1, "lathec", folder / "empty.onnx", "-o", folder / "x"),
    (1, "lathec", folder / "bad.mlir", "-o", folder / "x"),
    (1, "lathec", digits, "--dim", "nothing=1..2", "-o", folder / "x"),
    (1, "lathec", digits, "--target=sm_90a", "--cuda-path", folder / "none", "-o", folder / "x"),
    (2, "lathec", digits),
    (2, "lathec", digits, "--target=gpu", "-o", folder / "x"),
    (2, "lathec", digits, "--target=sm_75", "-o", folder / "x"),
    (2, "lathec", digits, "--mlir-nothing", "-o", folder / "x"),
    (2, "lathec", digits, "--report=roofline", "--machine=sm_11", "-o", folder / "x"),
    (3, "lathec", digits, "--report=roofline", "--machine", folder, "-o", folder / "x"),
    (3, "lathec", digits, "--target=sm_90a", "--tuned", folder, "-o", folder / "x"),
    (3, "lathec", digits, "--target=sm_90a", "--tuned", folder / "none", "-o", folder / "x"),
    (3, "lathec", digits, "--target=sm_90a", "--tune", folder / "none" / "t.json", "-o", folder / "x"),
    (3, "lathec", folder / "none.onnx", "-o", folder / "x"),
    (3, "lathec", digits, "-q", "-o", folder / "none" / "x"),
    (0, "lathe", "run", good, "--random"),
    (2, "lathe", "run", good),
    (2, "lathe", "walk", good),
    (2, "lathe", "bench", good, "--prompt", "8"),
    (5, "lathe", "run", good, "--random", "--device=cuda"),
    (3, "lathe", "run", folder / "none.lathe"),
    (3, "lathe", "run", good, "--entry", "none", "--random"),
    (4, "lathe", "inspect", digits),
    (3, "lathe", "tokenize", folder / "none.gguf"),
    (4, "lathe", "tokenize", digits),
    (5, "lathe", "tokenize", good),
    (2, "lathe", "template", folder / "bad.mlir", "--messages", folder / "bad.mlir"),
    (3, "lathe", "template", folder / "none.jinja", "--messages", folder / "bad.mlir"),
    (2, "lathe", "run", good, "-p", "x"),
    (2, "lathe", "chat", good),
    (2, "lathe", "eval", good, "--perplexity", digits),
    (2, "lathe", "eval", good),
    (3, "lathe", "chat", folder / "none.lathe"),
    (0, "lathe-eval", "--help"),
    (1, "lathe-eval", folder / "bad.mlir"),
    (1, "lathe-eval", folder / "fails.mlir"),
    (2, "lathe-eval"),
    (3, "lathe-eval", folder / "none.mlir"),
]
wrong = 0
for code, *command in EXPECTED:
    found = subprocess.run(command, capture_output=True).returncode
    if found != code:
        print(f"{' '.join(map(str, command))}: ended with {found}, wanted {code}", file=sys.stderr)
        wrong += 1
sys.exit(1 if wrong else 0)
