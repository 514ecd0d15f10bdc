"""`python -m planet.run`."""

import contextlib
import io
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from unittest import mock

from planet import _library, run
from support import ProgramTest, environment, python

ON = ("-m", "planet.run")
SHOW = """
import json, os, sys
options = [repr(sys.flags), sys._xoptions, sys.warnoptions, sys.orig_argv[1:]]
print(json.dumps([sys.argv, sys.path, options, __name__, sys.stdin.read()]))
"""
IS_RUNNING = "from planet import memory; print(memory.is_running())"
PRELOAD = "import os; print(os.environ['LD_PRELOAD'])"
PYTHON_MALLOC = "import os; print(os.environ.get('PYTHONMALLOC'))"
IS_DIRECT = """
import ctypes
functions = (ctypes.c_void_p * 5)()
ctypes.pythonapi.PyMem_GetAllocator(2, functions)
def is_in(line):
    start, end = (int(part, 16) for part in line.split()[0].split("-"))
    return start <= functions[1] < end
print(any("libplanet_malloc" in line for line in open("/proc/self/maps") if is_in(line)))
"""


class Program(ProgramTest):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="planet-python-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.app = self.folder / "app.py"
        self.app.write_text(SHOW)

    def test_is_what_python_itself_would_run(self) -> None:
        for options in ([], ["-O", "-u"], ["-X", "dev", "-W", "error::UserWarning"], ["-B", "-Xutf8=1"]):
            for program in ([str(self.app), "a", "-b"], ["-c", SHOW, "-m", "planet.run"], ["-", "a"], []):
                with self.subTest(options=options, program=program):
                    stdin = SHOW if program[:1] in ([], ["-"]) else "in"
                    expected = self.output(*options, *program, stdin=stdin)
                    self.assertEqual(self.output(*options, *ON, *program, stdin=stdin), expected)

    def test_modules_and_options_behind_are_taken_too(self) -> None:
        for program in (["-m", "app", "a"], ["-m", "planet.run", "-m", "app"], ["-O", "-m", "app"]):
            with self.subTest(program=program):
                in_folder = {"PYTHONPATH": str(self.folder)}
                expected = self.output(*(word.replace("planet.run", "app") for word in program), stdin="", **in_folder)
                actual = self.output(*ON, *program, stdin="", **in_folder)
                if "planet.run" not in program:
                    self.assertEqual(actual, expected)
                self.assertIn('"__main__"', actual)

    def test_is_the_same_process_with_its_exit_code_and_signals(self) -> None:
        with subprocess.Popen(
            [sys.executable, *ON, "-c", "import os, signal; print(os.getpid(), flush=True); signal.pause()"],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), f"{process.pid}\n")
            process.send_signal(signal.SIGTERM)
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertEqual(python(*ON, "-c", "raise SystemExit(7)").returncode, 7)

    def test_runs_on_the_allocator_and_so_do_its_children(self) -> None:
        child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IS_RUNNING!r}], check=True)"
        self.assertEqual(self.output(*ON, "-c", IS_RUNNING), "True\n")
        self.assertEqual(self.output(*ON, "-c", child), "True\n")
        self.assertEqual(self.output("-c", child), "False\n")


class Environment(ProgramTest):
    def test_other_preloaded_libraries_stay(self) -> None:
        maps = pathlib.Path("/proc/self/maps").read_text().split()
        other = next(word for word in maps if "/libc.so" in word)
        ours = str(_library.path())
        self.assertEqual(self.output(*ON, "-c", PRELOAD), f"{ours}\n")
        self.assertEqual(self.output(*ON, "-c", PRELOAD, LD_PRELOAD=other), f"{ours}:{other}\n")

    def test_on_the_allocator_already_nothing_is_added(self) -> None:
        self.assertEqual(self.output(*ON, *ON, *ON, "-c", PRELOAD), f"{_library.path()}\n")
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(_library.path(), folder)
            self.assertEqual(self.output(*ON, "-c", PRELOAD, LD_PRELOAD=copy), f"{copy}\n")

    def test_a_library_elsewhere_is_named_so_that_children_find_it_too(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(_library.path(), folder)
            self.addCleanup(os.chdir, os.getcwd())
            os.chdir(folder)
            for named in (copy, os.path.join(".", os.path.basename(copy)), os.path.basename(copy)):
                with self.subTest(named):
                    shown = self.output(*ON, "-c", PRELOAD, PLANET_MALLOC_LIBRARY=named)
                    self.assertEqual(os.path.normpath(shown), f"{copy}\n")

    def test_small_objects_come_from_malloc_unless_the_user_wants_something_else(self) -> None:
        self.assertEqual(self.output(*ON, "-c", PYTHON_MALLOC), "malloc\n")
        self.assertEqual(self.output(*ON, "-c", PYTHON_MALLOC, PYTHONMALLOC="pymalloc"), "pymalloc\n")
        self.assertEqual(self.output("-X", "dev", *ON, "-c", PYTHON_MALLOC), "None\n")

    def test_they_come_without_the_way_through_malloc_unless_the_user_wants_that(self) -> None:
        for options in ([], ["-I"], ["-E"]):
            self.assertEqual(self.output(*options, *ON, "-c", IS_DIRECT), "True\n")
        self.assertEqual(self.output(*ON, "-c", IS_DIRECT, PLANET_MALLOC_PYTHON="0"), "False\n")
        self.assertEqual(self.output(*ON, "-c", IS_DIRECT, PYTHONMALLOC="pymalloc"), "False\n")
        # Set by whoever started this Python without the allocator, it does no harm to that.
        self.assertEqual(self.output(*ON, "-c", IS_DIRECT, PLANET_MALLOC_PYTHON="1"), "True\n")

    def test_they_do_not_where_the_interpreter_cannot_or_checks_them_itself(self) -> None:
        for flags, name, takes in [
            ("", "cpython", True),
            ("t", "cpython", False),
            ("d", "cpython", False),
            ("", "pypy", False),
        ]:
            with self.subTest(flags=flags, name=name):
                with mock.patch.object(sys, "abiflags", flags), mock.patch.object(sys.implementation, "name", name):
                    self.assertEqual(run.takes_malloc(), takes)


class Options(ProgramTest):
    def test_are_what_stands_before_the_module(self) -> None:
        for before, expected in [
            (["-m", "planet.run"], []),
            (["-mplanet.run"], []),
            (["-O", "-X", "dev", "-m", "planet.run"], ["-O", "-X", "dev"]),
            (["-W", "m", "-Im", "planet.run"], ["-W", "m", "-I"]),
            (["-OImplanet.run"], ["-OI"]),
        ]:
            for arguments in ([], ["app.py", "-m", "planet.run"]):
                with self.subTest(before=before, arguments=arguments):
                    self.assertEqual(run.options(["python", *before, *arguments], arguments), expected)

    def test_isolation_is_kept(self) -> None:
        for option in ("-I", "-E"):
            shown = "import sys; from planet import memory; print(sys.flags.isolated, memory.is_running())"
            self.assertEqual(self.output(option, *ON, "-c", shown), f"{int(option == '-I')} True\n")

    def test_help_has_examples(self) -> None:
        for option in ("-h", "--help"):
            shown = self.output(*ON, option)
            self.assertEqual(shown, run.HELP)
            self.assertIn("python -m planet.run app.py", shown)


class Refusals(ProgramTest):
    def refused(self, **more: str) -> str:
        done = python(*ON, "-c", "print('it runs')", **more)
        self.assertEqual((done.returncode, done.stdout), (126, ""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("planet: cannot run "), done.stderr)
        return done.stderr

    def test_a_library_that_is_missing(self) -> None:
        self.assertIn("its library is not at /nowhere.so; install", self.refused(PLANET_MALLOC_LIBRARY="/nowhere.so"))

    def test_a_library_that_the_loader_cannot_take(self) -> None:
        with tempfile.TemporaryDirectory(prefix="planet python ") as folder:
            copy = shutil.copy(_library.path(), folder)
            self.assertIn("no path with a space or a colon", self.refused(PLANET_MALLOC_LIBRARY=copy))

    def test_a_library_that_is_none(self) -> None:
        self.assertIn("it does not load the library", self.refused(PLANET_MALLOC_LIBRARY=os.path.realpath(__file__)))

    def test_an_interpreter_that_gains_rights(self) -> None:
        with mock.patch("ctypes.CDLL") as opened:
            opened.return_value.getauxval.return_value = 1
            with self.assertRaisesRegex(run.CannotRunError, "gains rights"):
                run.check(_library.path())
            opened.return_value.getauxval.assert_called_once_with(run.AT_SECURE)

    def test_another_system_runs_it_without_the_allocator_and_says_so(self) -> None:
        said = io.StringIO()
        with (
            mock.patch.object(sys, "platform", "darwin"),
            mock.patch.object(sys, "argv", ["run.py", "app.py", "a"]),
            mock.patch.object(sys, "orig_argv", ["python", "-O", *ON, "app.py", "a"]),
            mock.patch.object(os, "execve", side_effect=SystemExit) as become,
            contextlib.redirect_stderr(said),
            # The real one does not come back.
            self.assertRaises(SystemExit),
        ):
            run.main()
        become.assert_called_once_with(sys.executable, [sys.executable, "-O", "app.py", "a"], dict(os.environ))
        self.assertEqual(said.getvalue(), "planet: planet-malloc is for Linux; on darwin the program runs without it\n")
