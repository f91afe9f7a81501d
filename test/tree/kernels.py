"""Fails for each kernel template that the README of the kernels does not name: a struct with tiles() and run() that no
other one of its file is made of."""

import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1]) / "compiler" / "targets" / "cuda" / "kernels"
readme = (folder / "README.md").read_text()
templates = {}
for file in sorted(folder.glob("*.cuh")):
    struct, text = "", file.read_text()
    for line in text.splitlines():
        if found := re.match(r"(?:template <.*> )?struct (\w+)(?!.*;$)", line):
            struct = found[1]
            functions = set()
        if found := re.search(r"__device__ .*\b(tiles|run)\(", line):
            functions.add(found[1])
            if functions == {"tiles", "run"} and not re.search(rf"(struct \w+ :|using \w+ =)\s*{struct}<", text):
                templates[struct] = file.name
if not templates:
    sys.exit(f"{folder}: no templates found")
missing = [(name, file) for name, file in templates.items() if not re.search(rf"`[^`]*\b{name}\b", readme)]
for name, file in missing:
    print(f"{(folder / 'README.md').relative_to(sys.argv[1])}: '{name}' of {file} has no row; add it to the table", file=sys.stderr)
sys.exit(1 if missing else 0)
