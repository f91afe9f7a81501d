#!/usr/bin/env python3
"""Makes measured.jsonl: collect.py MACHINE DATE COMMIT NAME=FILE... > measured.jsonl

FILE is what `lathe bench --launches --json` prints of a model on a GPU. Of its first call the twenty kernels that take most of it
are kept, each with the middle one of its launches: what predictions are made from, and the mean of what was measured.
"""

import json
import sys

MOST = 20
KEPT = ["kernel", "name", "math", "flops", "memory_bytes", "cache_bytes", "blocks", "work"]


def first_call(document):
    return (document["results"][0] if "results" in document else document)["launch_calls"][0]


def heaviest(call):
    groups = {}
    for launch in call["launches"]:
        groups.setdefault(launch["function"], []).append(launch)
    return sorted(groups.values(), key=lambda group: -sum(each["measured_seconds"] for each in group))[:MOST]


def main():
    machine, date, commit, *files = sys.argv[1:]
    print(json.dumps({"machine": machine, "date": date, "commit": commit, "command": "lathe bench --launches"}))
    for name, file in (argument.split("=", 1) for argument in files):
        for group in heaviest(first_call(json.load(open(file)))):
            launch = group[len(group) // 2]
            mean = sum(each["measured_seconds"] for each in group) / len(group)
            line = {"call": name, "launches": len(group), "us": round(mean * 1e6, 2)}
            print(json.dumps(line | {key: launch[key] for key in KEPT if key in launch}))


if __name__ == "__main__":
    main()
