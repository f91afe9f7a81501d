"""Steps of checks and measurements on a GPU: each has a result, kept so that a later run goes on where one ended."""

import concurrent.futures
import dataclasses
import datetime
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time
from typing import Callable

SHARE = pathlib.Path(__file__).resolve().parent
ROOT = SHARE.parents[1]


class Failed(Exception):
    """The step found something wrong; the text goes into the table."""


class Skipped(Exception):
    """The step could not run here; the text says what is missing."""


@dataclasses.dataclass
class Step:
    name: str
    run: Callable[[], object]  # returns the figure of the table, or a dict of numbers with it as "figure"
    after: tuple = ()  # steps that must have passed
    chain: str = ""  # steps of one chain run in order, chains beside each other; "" when nothing else may run


class Machine:
    """The first GPU, as nvidia-smi describes it, and where nvcc is."""

    def __init__(self):
        query = ["nvidia-smi", "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader", "--id=0"]
        try:
            line = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: nvidia-smi does not answer ({error}); a machine with an NVIDIA driver is needed")
        self.gpu, self.driver, capability = [field.strip() for field in line.strip().split(",")]
        self.chip = "sm_" + capability.replace(".", "")
        if int(capability.split(".")[0]) >= 9:
            self.chip += "a"  # wgmma, TMA and tcgen05 exist only in the architecture-specific target
        self.nvcc, self.sanitizer = (shutil.which(name) or shutil.which(f"/usr/local/cuda/bin/{name}")
                                     for name in ("nvcc", "compute-sanitizer"))


def run(*command):
    """Runs a program to its end; its output is one text."""
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def call(*command):
    """Runs a program to its end and returns its output; Failed with the last lines when it fails."""
    done = run(*command)
    if done.returncode:
        tail = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise Failed(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {tail}")
    return done.stdout


def fingerprint(inputs):
    """Changes when anything of the archive or of `inputs` does: results of other ones are not taken for theirs."""
    digest = hashlib.sha256()
    folders = [ROOT / name for name in ("bin", "include", "lib", "share")]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    for path in [path for path in files if path.parent.name != "__pycache__"] + sorted(inputs):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class State:
    """The results so far: a line of JSON each in a file that is only appended to. The last line of a step counts."""

    def __init__(self, folder, machine, inputs=()):
        self.path = folder / "results.jsonl"
        self.lock = threading.Lock()
        header = {"archive": fingerprint(inputs), "gpu": machine.gpu, "driver": machine.driver}
        lines = self.path.read_text().split("\n")[:-1] if self.path.exists() else []  # what has no end was cut off
        self.steps = {}
        if not lines or json.loads(lines[0]) != header:
            shutil.rmtree(folder / "work", ignore_errors=True)
            self.path.write_text(json.dumps(header) + "\n")
            lines = []
        for record in map(json.loads, lines[1:]):
            self.steps[record["step"]] = record
        with self.path.open("w") as file:
            file.writelines(json.dumps(record) + "\n" for record in [header, *self.steps.values()])
        (folder / "work").mkdir(exist_ok=True)

    def result(self, name):
        return self.steps.get(name, {}).get("result")

    def put(self, name, result, figure):
        numbers = figure if isinstance(figure, dict) else {"figure": figure}
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        record = {"step": name, "result": result, **numbers, "date": date}
        with self.lock, self.path.open("a") as file:
            self.steps[name] = record
            file.write(json.dumps(record) + "\n")
            print(f"{name}: {result}: {record['figure']}", file=sys.stderr, flush=True)


def perform(step, state):
    missing = [name for name in step.after if state.result(name) != "passed"]
    try:
        if missing:
            raise Skipped(f"after '{missing[0]}'")
        state.put(step.name, "passed", step.run())
    except Skipped as reason:
        state.put(step.name, "skipped", str(reason))
    except Failed as reason:
        state.put(step.name, "failed", str(reason))
    except Exception as error:  # a broken step is a failed check; the others still run
        state.put(step.name, "failed", f"{type(error).__name__}: {error}")


def perform_all(chosen, state, jobs, end):
    """What has not passed yet: chains beside each other, then the rest alone. Begins no step after `end`."""

    def perform_chain(chain):
        for step in chain:
            if state.result(step.name) != "passed" and time.monotonic() < end:
                perform(step, state)

    chains = {}
    for step in chosen:
        chains.setdefault(step.chain, []).append(step)
    alone = chains.pop("", [])
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(perform_chain, chains.values()))
    perform_chain(alone)


def report(names, state, machine):
    version = call(ROOT / "bin/lathec", "--version").strip().splitlines()[0]
    entries = [(name, state.steps[name]) for name in names if state.result(name)]
    dates = sorted({entry["date"] for _, entry in entries})
    lines = [f"{machine.gpu}, driver {machine.driver}, {machine.chip}, {version}, {' to '.join(dates)}", ""]
    lines += ["| check | result | figure |", "|---|---|---|"]
    lines += [f"| {name} | {entry['result']} | {entry['figure'].replace('|', '/')} |" for name, entry in entries]
    counts = [sum(entry["result"] == result for _, entry in entries) for result in ("passed", "failed", "skipped")]
    left = len(names) - len(entries)
    lines += ["", "{} passed, {} failed, {} skipped".format(*counts) + (f", {left} left for another run" if left else "")]
    return "\n".join(lines), counts[0] > 0 and counts[1] == 0 and left == 0
