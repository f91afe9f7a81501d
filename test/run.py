#!/usr/bin/env python3
"""Runs every test of a build folder with lit and ctest and ends with one line: N passed, N failed, N skipped.

usage: run.py BUILD [--lit PROGRAM] [--ctest PROGRAM]

The counts come from the runners' JUnit files, left in BUILD/results. The exit status is 0 only if something passed and
nothing failed.
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree


def state(case):
    """passed, failed or skipped, of one <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    # ctest also writes a program that it could not start as skipped.
    started = case.get("status") != "notrun" or skipped.get("message", "").startswith("SKIP_")
    return "skipped" if started else "failed"


def run(name, command, report):
    """Runs one runner and counts what its report says. A runner that fails without naming a test counts as one."""
    report.unlink(missing_ok=True)
    status = subprocess.run(command).returncode
    counts = collections.Counter()
    cases = xml.etree.ElementTree.parse(report).iter("testcase") if report.exists() else []
    for case in cases:
        counts[state(case)] += 1
        if state(case) == "failed":
            print(f"{name}: FAILED {case.get('classname')} {case.get('name')}", case.findtext("system-out", ""), sep="\n")
    if status and not counts["failed"]:
        print(f"{name}: exit status {status}, but its report names no failure; see above", file=sys.stderr)
        counts["failed"] += 1
    print(f"{name}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--lit", default="/usr/lib/llvm-22/bin/lit")
    parser.add_argument("--ctest", default="ctest")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    results = build / "results"
    results.mkdir(exist_ok=True)
    jobs = f"-j{len(os.sched_getaffinity(0))}"

    lit, ctest = results / "lit.xml", results / "ctest.xml"
    total = run("lit", [arguments.lit, "-sv", jobs, f"--xunit-xml-output={lit}", build / "test"], lit)
    command = [arguments.ctest, "--test-dir", build, jobs, "--output-on-failure", "--no-tests=ignore"]
    total += run("ctest", [*command, "--quiet", "--output-junit", ctest], ctest)

    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    sys.exit(0 if total["passed"] and not total["failed"] else 1)


if __name__ == "__main__":
    main()
