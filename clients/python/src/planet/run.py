"""Runs a Python program on planet-malloc: `python -m planet.run app.py`.

The interpreter is started anew with the allocator under it, by LD_PRELOAD (ld.so(8)), and nothing of this module in the
way: `sys.argv`, `__main__` and the process id are as without it, and child processes run on the allocator too.
"""

import ctypes
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from . import _library

HELP = """\
usage: python [OPTION]... -m planet.run [OPTION]... [FILE | -m MODULE | -c CODE | -] [ARGUMENT]...

Runs a Python program on planet-malloc, an allocator that gives memory back while the program is idle. Takes what
python itself takes. Objects of up to 512 bytes come from it too (PYTHONMALLOC=malloc, PLANET_MALLOC_PYTHON=1), unless
PYTHONMALLOC has another value, the interpreter is a debug or a free-threaded build, or -X dev asks for Python's checks.

  python -m planet.run app.py --port 8000
  python -m planet.run -m gunicorn app:app
  python -X importtime -m planet.run -c 'from planet import memory; print(memory.stats().live)'

variables:
  PLANET_MALLOC_LIMIT=BYTES   while more is resident, memory goes back as soon as it is freed
  PLANET_MALLOC_LIBRARY=FILE  the library to use instead of the one in this package
  PYTHONMALLOC=pymalloc       leave small objects to Python
  PLANET_MALLOC_PYTHON=0      let Python go through malloc for them, which takes more time, but tools can watch malloc

Exit codes are those of the program, and 126 when it could not be run on the allocator.
"""

MODULE = "planet.run"
PRELOAD = "LD_PRELOAD"
PYTHON_MALLOC = "PYTHONMALLOC"
DIRECTLY = "PLANET_MALLOC_PYTHON"
NOT_RUN = 126

#: Set for a process that runs with more rights than its caller (getauxval(3)).
AT_SECURE = 23


class CannotRunError(Exception):
    """Why the program cannot run on the allocator, and what to do."""


def main() -> NoReturn:
    """Becomes the program that the command line says."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(HELP, end="")
        sys.exit()
    environment = dict(os.environ)
    try:
        if sys.platform == "linux":
            environment |= variables(environment)
        else:
            say(f"planet-malloc is for Linux; on {sys.platform} the program runs without it")
        os.execve(sys.executable, [sys.executable, *options(sys.orig_argv, arguments), *arguments], environment)
    except (CannotRunError, OSError) as error:
        say(f"cannot run {sys.executable or 'python'} on planet-malloc: {error}")
        sys.exit(NOT_RUN)


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What has to be added to the environment. Nothing, if this process runs as it should already.

    Raises `CannotRunError` if the loader would run the program without the allocator.
    """
    added = {}
    if _library.in_use() is None:
        library = _library.path()
        check(library)
        # Ours first; libraries that are preloaded already stay.
        added[PRELOAD] = ":".join(filter(None, [str(library), environment.get(PRELOAD)]))
    if PYTHON_MALLOC not in environment and takes_malloc():
        added[PYTHON_MALLOC] = "malloc"
    # Also where this Python takes nothing from malloc: one that it starts may.
    if DIRECTLY not in environment:
        added[DIRECTLY] = "1"
    return added


def check(library: pathlib.Path) -> None:
    """Finds out beforehand what the loader would pass over, and what it would say later and less clearly."""
    if not library.is_file():
        raise CannotRunError(f"its library is not at {library}; install the package anew, or set {_library.VARIABLE}")
    if any(separator in str(library) for separator in " :"):
        raise CannotRunError(
            f"the loader takes no path with a space or a colon, such as {library}; copy the library elsewhere, and say "
            f"where with {_library.VARIABLE}"
        )
    try:
        ctypes.CDLL(str(library))
        gains_rights = ctypes.CDLL(None).getauxval(AT_SECURE)
    except OSError as error:
        raise CannotRunError(f"it does not load the library: {error}") from error
    if gains_rights:
        raise CannotRunError(
            "it gains rights when it is run (setuid, setgid or capabilities), so the loader ignores what its caller "
            "wants preloaded; use an interpreter that does not"
        )


def takes_malloc() -> bool:
    """Whether objects of up to 512 bytes can and should come from malloc."""
    is_debug_or_free_threaded = bool({"d", "t"} & set(sys.abiflags))
    return sys.implementation.name == "cpython" and not is_debug_or_free_threaded and not sys.flags.dev_mode


def options(command: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The options of the interpreter: what stands before `-m planet.run` in a command with these arguments."""
    before = list(command[1 : len(command) - len(arguments)])
    # `-m` may be joined with the name, and with options before it, as in `-Im planet.run`.
    if before[-1] == MODULE:
        before[-2:] = [before[-2] + MODULE]
    last = before.pop().removesuffix("m" + MODULE)
    return before if last == "-" else [*before, last]


def say(text: str) -> None:
    print(f"planet: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
