#!/usr/bin/env python3
"""Runs the Autobahn cases against a WebSocket echo server and judges the report.

    python3 autobahn.py ADDRESS REPORT_FOLDER [--whole] [--kosoku COMMAND]

ADDRESS is `host:port` or `ws://host:port` of a running echo server that takes messages of 16 MiB and
permessage-deflate, such as the example `echo` of this crate. The cases come from the PyPI package
`kosoku`, whose command must be on the path or be given.

The short set leaves out the big messages (9) and compression (12 and 13) and takes seconds; `--whole`
runs everything and takes minutes. Exit code 0: no case failed. 1: some did, and they are listed.
2: the cases could not be run.
"""

import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys

LEFT_OUT_OF_THE_SHORT_SET = ("9.*", "12.*", "13.*")
LEAST_CASES = {"short": 247, "whole": 517}
PASSED = ("OK", "INFORMATIONAL", "NON-STRICT")
CLOSED_WELL = ("OK", "INFORMATIONAL")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="host:port of the echo server")
    parser.add_argument("report", type=pathlib.Path, help="folder for the report, emptied first")
    parser.add_argument("--whole", action="store_true", help="run every case")
    parser.add_argument("--kosoku", default="kosoku", help="the kosoku command")
    options = parser.parse_args()

    if shutil.which(options.kosoku) is None:
        print("kosoku is missing; install it with: pip install kosoku", file=sys.stderr)
        return 2
    index = options.report / "index.json"
    # A report of an earlier run must not pass for this one's.
    index.unlink(missing_ok=True)
    command = [options.kosoku, "-p", "2", "-o", str(options.report)]
    if not options.whole:
        for cases in LEFT_OUT_OF_THE_SHORT_SET:
            command += ["-x", cases]
    command.append(options.address.removeprefix("ws://").rstrip("/"))
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if not index.exists():
        print(f"kosoku ended with {finished.returncode}", file=sys.stderr)
    return judge_report(index, options.whole)


def judge_report(index, whole, not_asked_for=()):
    """The exit code for a report. Cases of `not_asked_for` need something that the peer does not ask for, and may be
    UNIMPLEMENTED."""
    if not index.exists():
        print(f"there is no report {index}", file=sys.stderr)
        return 2
    cases = {}
    for of_one_peer in json.loads(index.read_text()).values():
        cases.update(of_one_peer)
    return judge(cases, LEAST_CASES["whole" if whole else "short"], not_asked_for)


def judge(cases, least, not_asked_for):
    counts = collections.Counter(case["behavior"] for case in cases.values())
    print(f"{len(cases)} cases: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    if len(cases) < least:
        print(f"expected at least {least} cases", file=sys.stderr)
        return 2
    failed = False
    for number, case in sorted(cases.items(), key=lambda item: in_order(item[0])):
        behavior, close = case["behavior"], case["behaviorClose"]
        unimplemented = behavior == "UNIMPLEMENTED" and number.startswith(not_asked_for)
        passed = (behavior in PASSED or unimplemented) and close in CLOSED_WELL
        failed |= not passed
        if not passed or behavior == "NON-STRICT":
            print(f"  {number}: {behavior}, close {close}: {case['reportfile']}")
    return 1 if failed else 0


def in_order(number):
    return [int(part) for part in number.split(".")]


if __name__ == "__main__":
    sys.exit(main())
