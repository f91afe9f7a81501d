"""Runs the commands for lathec and lathe that README.md of a folder shows, there; fails where one fails.

What needs CUDA's libraries is left out. Standard input is empty unless the command names another.
"""

import pathlib
import re
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
blocks = re.findall(r"^```\n(.*?)^```", (folder / "README.md").read_text(), flags=re.S | re.M)
commands = [line for block in blocks for line in block.splitlines() if re.match(r"lathec? \S+.* ", line)]
assert len(commands) > 8, commands
written = {}
for command in commands:
    if "--target=sm" in command:
        continue
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"{command}\nended with {done.returncode}: {done.stderr}")
    written[command] = done.stdout

# What README.md says that the model writes.
text = next(text for command, text in written.items() if "lathe run pydoc.lathe -p" in command)
promised = re.search(r'writes on: "(.*) \[', "\n".join(commands))[1]
assert text.startswith(promised), text
