"""Compares the lines of a file, each a template, in both engines: usage: snippets.py LIBLATHE FILE"""

import sys

import engines

both = engines.Lathe(sys.argv[1]), engines.Jinja()
with engines.counting("snippets") as cases, open(sys.argv[2], encoding="utf-8") as file:
    for line in file.read().split("\n"):
        if line and not line.startswith("# "):
            cases.append(engines.differs(both, line.replace("⏎", "\n")))
