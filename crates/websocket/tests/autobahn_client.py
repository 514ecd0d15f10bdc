#!/usr/bin/env python3
"""Runs the Autobahn cases against a WebSocket client and judges the report.

    python3 autobahn_client.py CLIENT REPORT_FOLDER [--whole] [--kosoku COMMAND]

CLIENT is the example `client_probe` of this crate, or a program that takes the same arguments: `autobahn URL AGENT`.
The cases, the two sets and the exit codes are those of autobahn.py, beside this file.
"""

import argparse
import pathlib
import subprocess
import sys

from autobahn import LEFT_OUT_OF_THE_SHORT_SET, judge_report

LONGEST_RUN_SECONDS = 900

# In these the server wants the client to compress each message by itself (client_no_context_takeover). Autobahn asks only
# clients for that which have offered it, and ours does not by itself.
NOT_OFFERED = ("13.2.", "13.5.", "13.6.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client", help="the client program")
    parser.add_argument("report", type=pathlib.Path, help="folder for the report, emptied first")
    parser.add_argument("--whole", action="store_true", help="run every case")
    parser.add_argument("--kosoku", default="kosoku", help="the kosoku command")
    options = parser.parse_args()

    index = options.report / "index.json"
    # A report of an earlier run must not pass for this one's.
    index.unlink(missing_ok=True)
    command = [options.kosoku, "-m", "fuzzingserver", "-o", str(options.report)]
    if not options.whole:
        for cases in LEFT_OUT_OF_THE_SHORT_SET:
            command += ["-x", cases]
    command.append("127.0.0.1:0")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = server.stderr.readline().strip().rpartition(" ")[2]
            if not url.startswith("ws://"):
                print("kosoku did not say where it listens", file=sys.stderr)
                return 2
            client = subprocess.run(
                [options.client, "autobahn", url, "planet"], timeout=LONGEST_RUN_SECONDS, check=False
            )
            if client.returncode != 0:
                print(f"the client ended with {client.returncode}", file=sys.stderr)
                return 2
            server.communicate(timeout=60)
        finally:
            server.kill()
    return judge_report(index, options.whole, NOT_OFFERED)


if __name__ == "__main__":
    sys.exit(main())
