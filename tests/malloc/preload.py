"""Runs programs on the allocator, and sees whether they really run on it."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
from collections.abc import Iterator, Sequence

REPOSITORY = pathlib.Path(__file__).parent.parent.parent
SOURCES = pathlib.Path(__file__).parent / "c"
LIMIT = 300
# What the user's environment may say about allocators.
SETTINGS = ("LD_PRELOAD", "PYTHONMALLOC", "PLANET_MALLOC_PYTHON")
LOOK_EVERY = 0.02


def library() -> pathlib.Path:
    """The release build that the test command makes, or the one that TESTED_MALLOC names."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    path = pathlib.Path(os.environ.get("TESTED_MALLOC", target / "release/libplanet_malloc.so"))
    if not path.exists():
        build = "cargo build --release -p planet-malloc-preload"
        raise FileNotFoundError(f"{path} is missing: run {build}, or set TESTED_MALLOC")
    return path


class PreloadTest(unittest.TestCase):
    """Has a folder of its own, and in it a copy of the library, by which its processes can be told from others."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="planet-malloc-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.library = shutil.copy(library(), self.folder)

    def environment(self, preload: bool, **more: str) -> dict[str, str]:
        """The usual environment, with or without the allocator; nothing is read from the user's own settings."""
        usual = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        return usual | {"LC_ALL": "C.UTF-8", "HOME": str(self.folder)} | more | ({"LD_PRELOAD": str(self.library)} if preload else {})

    def run_program(self, command: Sequence, preload: bool, expected: int = 0, **options) -> str:
        """Runs a command to its end and gives what it wrote to standard output."""
        more = options.pop("environment", {})
        options = {"cwd": self.folder, "timeout": LIMIT, "capture_output": True, "text": True} | options
        done = subprocess.run(command, env=self.environment(preload, **more), **options)
        self.assertEqual(done.returncode, expected, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def compile(self, source: str, *flags: str, name: str = "") -> pathlib.Path:
        """Compiles one of the programs in `c/`."""
        program = self.folder / (name or pathlib.Path(source).stem)
        compiler = ["c++", "-std=c++20"] if source.endswith(".cpp") else ["cc"]
        usual = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
        self.run_program([*compiler, *usual, *flags, "-o", program, SOURCES / source], preload=False)
        return program

    @contextlib.contextmanager
    def watched(self, *names: str) -> Iterator[None]:
        """While it lasts, programs of these names have to be seen to run on the allocator."""
        with Watch(self.library) as watch:
            yield
        self.assertLessEqual(set(names), set(watch.seen), "these were not seen to have the library in their memory")
        for name in names:
            self.assertFalse(brings_malloc(watch.seen[name]), f"{name} has a malloc of its own, which goes before ours")


def brings_malloc(program: str) -> bool:
    """Whether a program has a malloc in it for all its libraries to use: a preloaded one is then used by nobody."""
    names = subprocess.run(["nm", "--dynamic", "--defined-only", program], capture_output=True, text=True, check=True)
    return any(line.endswith(" malloc") for line in names.stdout.splitlines())


class Watch:
    """Looks again and again which processes have a library mapped. A context manager."""

    def __init__(self, mapped: str) -> None:
        # By the names of the programs, with what Chromium calls the type of a process: where they are.
        self.seen: dict[str, str] = {}
        self._mapped = mapped
        self._known: set[tuple[str, str, str]] = set()
        self._before = set(processes())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_often, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped.set()
        self._thread.join()

    def _look_often(self) -> None:
        while not self._stopped.wait(LOOK_EVERY):
            for process in set(processes()) - self._before:
                # Processes may end while they are looked at, and some belong to others.
                with contextlib.suppress(OSError):
                    self._look_at(process)

    def _look_at(self, process: pathlib.Path) -> None:
        program = os.readlink(process / "exe")
        kind = re.search(r"--type=\S+", (process / "cmdline").read_text(errors="replace").replace("\0", " "))
        name = " ".join([pathlib.Path(program).name, *([kind[0]] if kind else [])])
        key = process.name, program, name
        if key not in self._known and self._mapped in (process / "maps").read_text():
            self._known.add(key)
            self.seen[name] = program


def processes() -> list[pathlib.Path]:
    """The folders of all processes."""
    return [path for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]
