"""Runs a compiled golden model as its README says and writes the logits: golden.py GOLDEN_DIR MODEL.lathe OUT.npy [flag...].

The prompt goes in at once (or as the flags say), then each of the 8 chosen ids alone, whatever the model's own choice."""

import json
import subprocess
import sys

folder, model, out, *flags = sys.argv[1:]
with open(folder + "/golden.json") as file:
    golden = json.load(file)


def ids(key):
    return ",".join(map(str, golden[key]))


subprocess.run(
    ["lathe", "run", model, "--tokens", ids("tokens"), "--steps", str(len(golden["chosen"])), "--feed", ids("chosen"),
     "--logits", out, *flags],
    check=True,
)
