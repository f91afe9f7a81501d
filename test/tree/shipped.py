"""Fails for each file that a kernel test includes, or what it includes, which a release archive does not have: tools/gpu-check
compiles these tests where there is nothing else."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
kernels, tests = (root / folder / "targets" / "cuda" / "kernels" for folder in ("compiler", "test/compiler"))
package = (root / "tools" / "Package.cmake").read_text()
programs = [file for file in sorted(tests.glob("*.cu")) if "int main(" in file.read_text()]
if not programs:
    sys.exit(f"{tests}: no tests found")
# gpu-check compiles the C++ sources that are there with each test.
sources = [file for file in sorted((root / "runtime" / "gguf").glob("*.cpp")) if re.search(rf"\b{re.escape(file.name)}\b", package)]
seen, left, missing = set(), programs + sources, set()
while left:
    file = left.pop()
    seen.add(file)
    for name in re.findall(r'^#include "([^"]+)"', file.read_text(), re.M):
        found = next((path for path in (file.parent / name, tests / name, kernels / name, root / name) if path.is_file()), None)
        if found and found.parent not in (tests, kernels) and not re.search(rf"\b{re.escape(found.name)}\b", package):
            missing.add((file.relative_to(root), found.relative_to(root)))
        if found and found not in seen:
            left.append(found)
for file, name in sorted(missing):
    print(f"{file}: includes {name}, which is in no release archive; install it in tools/Package.cmake", file=sys.stderr)
sys.exit(1 if missing else 0)
