"""The allocator's library: where it is, and how C calls it (`planet_malloc.h`)."""

import ctypes
import functools
import os
import pathlib

FILE = "libplanet_malloc.so"

#: Names the library when it is elsewhere.
VARIABLE = "PLANET_MALLOC_LIBRARY"

CLASSES = 128


def path() -> pathlib.Path:
    """Where the library is: in this package, unless the variable says otherwise. It may be missing."""
    named = os.environ.get(VARIABLE)
    # Children may be elsewhere, and the loader looks for a name without a slash in folders of its own.
    return pathlib.Path(named).absolute() if named else pathlib.Path(__file__).with_name(FILE)


class SizeClass(ctypes.Structure):
    """`struct planet_malloc_class`"""

    _fields_ = [(name, ctypes.c_uint64) for name in ("slot_size", "live", "allocations", "frees")]


class Figures(ctypes.Structure):
    """`struct planet_malloc_figures`"""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("live", "mapped", "resident", "cached", "returned", "limit")),
        *((f"peak_live_{seconds}s", ctypes.c_uint64) for seconds in (1, 10, 60)),
        *((f"peak_resident_{seconds}s", ctypes.c_uint64) for seconds in (1, 10, 60)),
        *((name, ctypes.c_uint64) for name in ("allocations", "frees", "class_count")),
        ("classes", SizeClass * CLASSES),
    ]


@functools.cache
def in_use() -> ctypes.CDLL | None:
    """The library if this process takes its memory from it, which is settled when a process starts."""
    try:
        program = ctypes.CDLL(None)
        program.planet_malloc_version.restype = ctypes.c_char_p
        program.planet_malloc_figures.argtypes = [ctypes.POINTER(Figures), ctypes.c_size_t]
        program.planet_malloc_figures.restype = ctypes.c_size_t
    except (AttributeError, OSError, TypeError):
        # The symbol is not there, the interpreter is linked statically, or this is no Unix.
        return None
    return program
