"""Fails for each option of lathec, and of a command of lathe, that docs/commands.md does not name.

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
    return subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout


def section_of(command):
    return "".join(text for text in sections if re.match(rf"lathe [^\n]*\b{command}\b", text))


def count_missing(text, *command):
    missing = 0
    options = re.findall(r"^  (?:-\w,)?(--[\w-]+)", help_of(*command), flags=re.M)
    assert options, command
    for option in sorted(set(options) - {"--help", "--version"}):
        if not re.search(rf"{option}(?![\w-])", text):
            print(f"{' '.join(command)}: {option} is not in docs/commands.md", file=sys.stderr)
            missing += 1
    return missing


missing = count_missing("".join(text for text in sections if re.match(r"lathec$|The roofline report$", text, flags=re.M)), "lathec")
commands = re.findall(r"^  (\w+) ", help_of("lathe").split("Subcommands:")[1], flags=re.M)
assert {"run", "chat", "eval", "bench"} <= set(commands), commands
for command in commands:
    text = common + section_of(command) + (shared if command in ("run", "chat") else "")
    missing += count_missing(text, "lathe", command)
sys.exit(1 if missing else 0)
