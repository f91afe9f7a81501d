"""Fails for each path in our README.md files and docs/ that names nothing in the tree.

Two forms are read. A text in backticks, when its first component is a folder of the root (`passes/fusion/`), or it is the
name of a file of the root. A fenced map, when its first line starts with a folder of the root: the first word of each line
is a path below that of the line it is indented under. Stand-ins (NAME, <op>, *) are left out. A path may be relative to
the root or to the page that names it.
"""

import pathlib
import re
import sys

FOLDERS = {"compiler", "dialects", "docs", "frontends", "passes", "runtime", "test", "tools"}
FILES = {".ci/run", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"}
PATH = re.compile(r"[\w.+-]+(/[\w.+-]+)*/?")


def is_stand_in(path):
    return any(part.isupper() for part in path.split("/")) and path not in FILES


def quoted_paths(text):
    for word in re.findall(r"`([^`\s]+)[^`\n]*`", text):
        if PATH.fullmatch(word) and (word in FILES or "/" in word and word.split("/")[0] in FOLDERS):
            yield word


def map_paths(block):
    """The paths of a fenced tree map, each under the last line that is indented less."""
    above = []
    for line in filter(str.strip, block.splitlines()):
        indent, word = len(line) - len(line.lstrip()), line.split()[0]
        above = [entry for entry in above if entry[0] < indent]
        if PATH.fullmatch(word) and ("/" in word or "." in word or word in FILES):
            above.append((indent, word.rstrip("/")))
            yield "/".join(name for _, name in above)


def named_paths(text):
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.S | re.M)
    for block in blocks:
        if block.split("/")[0] in FOLDERS:
            yield from map_paths(block)
    yield from quoted_paths(re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


root = pathlib.Path(sys.argv[1])
pages = [root / "README.md"]
pages += [page for folder in sorted(FOLDERS) for page in sorted((root / folder).rglob("*.md"))]
missing = 0
for page in filter(pathlib.Path.exists, pages):
    for path in filter(lambda path: not is_stand_in(path), named_paths(page.read_text())):
        if not (root / path).exists() and not (page.parent / path).exists():
            print(f"{page.relative_to(root)}: '{path}' is not there; correct the name or the map", file=sys.stderr)
            missing += 1
sys.exit(1 if missing else 0)
