"""Fails for each of our sources that clang-format-22 would write differently."""

import pathlib
import subprocess
import sys

FOLDERS = ("compiler", "dialects", "docs", "frontends", "passes", "runtime", "test", "tools")
SUFFIXES = {".c", ".cpp", ".cu", ".cuh", ".h"}

root = pathlib.Path(sys.argv[1])
files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*") if file.suffix in SUFFIXES)
if not files:
    sys.exit(f"{root}: no sources found")
sys.exit(subprocess.run(["clang-format-22", "--dry-run", "-Werror", *files]).returncode)
