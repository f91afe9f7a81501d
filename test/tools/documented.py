"""Fails for each option of a command of lathe that docs/commands.md does not name.

An option may stand in the command's own section, in one that the command shares (Writing text), or before all commands.
"""

import pathlib
import re
import subprocess
import sys

sections = re.split(r"^## ", pathlib.Path(sys.argv[1]).read_text(), flags=re.M)
common = "".join(text for text in sections if not text.startswith("lathe"))
shared = re.search(r"### Writing text\n(.*?)(?=^##|\Z)", "".join("## " + text for text in sections), flags=re.S | re.M)[1]


def help_of(*command):
    return subprocess.run(["lathe", *command, "--help"], capture_output=True, text=True, check=True).stdout


def section_of(command):
    return "".join(text for text in sections if re.match(rf"lathe [^\n]*\b{command}\b", text))


missing = 0
commands = re.findall(r"^  (\w+) ", help_of().split("Subcommands:")[1], flags=re.M)
assert {"run", "chat", "eval", "bench"} <= set(commands), commands
for command in commands:
    text = common + section_of(command) + (shared if command in ("run", "chat") else "")
    options = re.findall(r"^  (?:-\w,)?(--[\w-]+)", help_of(command), flags=re.M)
    for option in sorted(set(options) - {"--help"}):
        if not re.search(rf"{option}(?![\w-])", text):
            print(f"lathe {command}: {option} is not in docs/commands.md", file=sys.stderr)
            missing += 1
sys.exit(1 if missing else 0)
