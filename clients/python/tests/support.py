"""Programs that are run with the interpreter of the tests, on the allocator or without it."""

import os
import pathlib
import subprocess
import sys
import unittest

LIMIT = 120
MB = 1_000_000

#: What `planet.run` sets or heeds.
VARIABLES = ("LD_PRELOAD", "PYTHONMALLOC", "PLANET_MALLOC_LIBRARY", "PLANET_MALLOC_PYTHON")


def resident() -> int:
    """Bytes of this process that are in memory, as the system counts them."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def environment(**more: str) -> dict[str, str]:
    """That of a process that has nothing to do with the allocator."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES} | more


def python(
    *arguments: str | os.PathLike[str], stdin: str | None = None, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Runs the interpreter to its end, with variables besides the usual ones."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment(**more), input=stdin, capture_output=True, text=True, timeout=LIMIT)


class ProgramTest(unittest.TestCase):
    def output(self, *arguments: str | os.PathLike[str], stdin: str | None = None, **more: str) -> str:
        """What a program that succeeds and does not complain writes."""
        done = python(*arguments, stdin=stdin, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout
