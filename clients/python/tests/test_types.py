"""What type checkers say: nothing about the package, its tests and right use of it, and something about wrong use."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).parent.parent
LIMIT = 300

USE = """
from planet import memory

def note(stats: memory.Stats) -> None:
    used: int = stats.live + stats.peak_resident.minute + sum(each.live * each.slot_size for each in stats.size_classes)
    print(used, stats.limit or 0)

with memory.watch(note, above=10, of="resident", interval=0.5) as watch:
    returned: int = memory.release()
watch.stop()
"""


class Types(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="planet-python-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def mypy(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # The package is the installed one, not the one in the source folder.
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", self.folder, *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=LIMIT)

    def test_package_tests_and_example_are_sound(self) -> None:
        files = [str(PROJECT / part) for part in ("hatch_build.py", "examples/idle.py", "tests")]
        done = self.mypy("--package", "planet")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        done = self.mypy(*files)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_right_use_is_accepted(self) -> None:
        done = self.mypy("-c", USE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_wrong_use_is_not(self) -> None:
        for right, wrong, says in [
            ("above=10", "above='10'", "arg-type"),
            ('of="resident"', 'of="all"', "arg-type"),
            ("stats: memory.Stats", "stats: int", "arg-type"),
            ("returned: int", "returned: str", "assignment"),
            ("stats.limit or 0", "stats.limit + 0", "operator"),
            ("memory.release()", "memory.trim()", "attr-defined"),
        ]:
            with self.subTest(wrong):
                done = self.mypy("-c", USE.replace(right, wrong))
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(f"[{says}]", done.stdout)
