"""Checks the op definitions of the lathe dialect against what the project asks of each.

usage: ops.py ROOT

Each operation has a summary that is not its name, a description, one example that parses, constraints numbered from 1, a
derivative rule or the trait NotDifferentiable, and tests: its text form in a *-roundtrip.mlir, one case for each
constraint in a *-invalid.mlir, and literal values in eval/<op>.mlir.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
tests = root / "test/dialects/lathe"
# Regions end in a terminator; it computes nothing.
WITHOUT_MEANING = {"yield"}


def load_ops():
    tblgen = shutil.which("llvm-tblgen")
    include = pathlib.Path(tblgen).resolve().parent.parent / "include"
    source = root / "dialects/lathe/LatheOps.td"
    command = [tblgen, "--dump-json", "-I", str(root), "-I", str(include), str(source)]
    records = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for name in records["!instanceof"]["Op"]:
        record = records[name]
        traits = [records[trait["def"]] for trait in record["traits"]]
        names = {trait.get("cppInterfaceName") or trait.get("trait") for trait in traits}
        yield record["opName"], record["summary"], record["description"], names


def parse_errors(examples):
    """What lathe-opt says of examples, apart from operands that they do not define: (op, message)."""
    text, starts = "", []
    for op, example in examples:
        starts.append((text.count("\n") + 1, op))
        end = "" if example.lstrip().startswith("lathe.yield") else "return\n"
        text += f"func.func @example() {{\n{example}\n{end}}}\n// -----\n"
    run = subprocess.run(["lathe-opt", "--split-input-file"], input=text, text=True, capture_output=True)
    for line, message in re.findall(r"^<stdin>:(\d+):\d+: error: (.*)$", run.stderr, re.M):
        if "use of undeclared SSA value name" not in message:
            yield [op for start, op in starts if start <= int(line)][-1], message


def find_examples(description):
    return re.findall(r"Example:\s*```mlir\n(.*?)```", description, re.S)


def check(op, summary, description, traits, roundtrip, invalid):
    if not summary or summary.lower().replace(" ", "_") == op:
        yield f"summary is '{summary}', needed one sentence that is not the name"
    if len(find_examples(description)) != 1:
        yield f"has {len(find_examples(description))} examples, needed 1"
    constraints = [int(number) for number in re.findall(r"^\s*\* \(C(\d+)\)", description, re.M)]
    if constraints != list(range(1, len(constraints) + 1)):
        yield f"constraints are numbered {constraints}, needed 1 to {len(constraints)}"
    yield from (f"has no case @{op}_c{n} in a *-invalid.mlir" for n in constraints
                if not re.search(rf"@{op}_c{n}(_\w+)?\(", invalid))
    if len(traits & {"DerivativeOpInterface", "NotDifferentiable"}) != 1:
        yield "has neither DerivativeOpInterface nor the trait NotDifferentiable, or both"
    if not re.search(rf"CHECK.*lathe\.{op}\b", roundtrip):
        yield "is in no *-roundtrip.mlir"
    if op in WITHOUT_MEANING:
        return
    yield from (f"lacks {needed}" for needed in ("ReferenceOpInterface", "ShapeOpInterface") if needed not in traits)
    if not (tests / "eval" / f"{op}.mlir").exists():
        yield f"has no test eval/{op}.mlir"


def main():
    roundtrip = "".join(path.read_text() for path in tests.glob("*-roundtrip.mlir"))
    invalid = "".join(path.read_text() for path in tests.glob("*-invalid.mlir"))
    ops = list(load_ops())
    wrong = [f"lathe.{op[0]}: {message}" for op in ops for message in check(*op, roundtrip, invalid)]
    examples = [(op, example) for op, _, description, _ in ops for example in find_examples(description)]
    wrong += [f"lathe.{op}: example does not parse: {message}" for op, message in parse_errors(examples)]
    print(*wrong, f"{len(ops)} operations, {len(wrong)} faults", sep="\n")
    sys.exit(0 if ops and not wrong else 1)


if __name__ == "__main__":
    main()
