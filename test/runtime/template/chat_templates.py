"""Compares templates in the style of known models over several conversations: usage: chat_templates.py LIBLATHE FOLDER"""

import itertools
import json
import pathlib
import sys

import engines

folder = pathlib.Path(sys.argv[2])
given = json.loads((folder / "conversations.json").read_text())
templates = sorted((folder / "templates").glob("*.jinja"))
both = engines.Lathe(sys.argv[1]), engines.Jinja()
rendered = dict.fromkeys(templates, 0)
with engines.counting("chat templates") as cases:
    for path, (name, messages), tools, variables, prompt in itertools.product(
        templates, given["conversations"].items(), (None, given["tools"]), given["variables"].values(), (True, False)
    ):
        arguments = path.read_text(), messages, tools, prompt, variables
        difference = engines.differs(both, *arguments)
        cases.append(difference and f"{path.name}, {name}: {difference}")
        rendered[path] += both[0].render(*arguments)[0] is not None
    for path, count in rendered.items():  # or the two would agree in refusing everything
        print(f"{path.stem}: {count} prompts")
        cases.append(None if count >= 30 else f"{path.name}: only {count} prompts")
