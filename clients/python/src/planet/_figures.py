"""What this process holds, and giving it back."""

import ctypes
from dataclasses import dataclass

from . import _library


class NotRunningError(RuntimeError):
    """This process does not run on planet-malloc, so there is nothing to be said about its memory."""

    def __init__(self) -> None:
        super().__init__(
            "this process does not run on planet-malloc; start it with `python -m planet.run` or `planet run`"
        )


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest values, in bytes, of the last while and of up to a second more."""

    second: int
    ten_seconds: int
    minute: int


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Slots of one size. A block of up to 32 KiB is a slot."""

    slot_size: int
    """Bytes of a slot."""
    live: int
    """Slots that the program holds."""
    allocations: int
    """Slots handed out so far; one that was freed and taken again at once may be missing."""
    frees: int
    """Slots freed so far, with the same reserve."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What this process holds, in bytes unless said.

    It is what came from malloc: thread stacks, files in memory and the code of libraries are not in it, nor are objects
    of up to 512 bytes when Python keeps them in arenas of its own (`PYTHONMALLOC=pymalloc`).
    """

    live: int
    """In blocks that the program holds, with what was rounded up."""
    mapped: int
    """Address space in use."""
    resident: int
    """Of it, what may be in memory."""
    cached: int
    """In freed large blocks that are kept for reuse for a while."""
    returned: int
    """Given back to the system so far."""
    limit: int | None
    """The advised limit of `resident` (`PLANET_MALLOC_LIMIT`), if there is one."""
    peak_live: Peaks
    peak_resident: Peaks
    allocations: int
    """How many blocks so far, with the reserve of `SizeClass.allocations`."""
    frees: int
    """How many of them were freed."""
    size_classes: tuple[SizeClass, ...]
    """Those with allocations, the smallest first."""


def is_running() -> bool:
    """Whether this process runs on planet-malloc."""
    return _library.in_use() is not None


def version() -> str:
    """The version of the library that this process runs on.

    Raises `NotRunningError` when there is none.
    """
    text: bytes = _require().planet_malloc_version()
    return text.decode()


def stats() -> Stats:
    """Counts what this process holds now. Takes about 0.1 ms for each 100 MB.

    Raises `NotRunningError` when the process does not run on planet-malloc.
    """
    library = _require()
    raw = _library.Figures()
    library.planet_malloc_figures(ctypes.byref(raw), ctypes.sizeof(raw))
    return Stats(
        live=raw.live,
        mapped=raw.mapped,
        resident=raw.resident,
        cached=raw.cached,
        returned=raw.returned,
        limit=raw.limit or None,
        peak_live=Peaks(raw.peak_live_1s, raw.peak_live_10s, raw.peak_live_60s),
        peak_resident=Peaks(raw.peak_resident_1s, raw.peak_resident_10s, raw.peak_resident_60s),
        allocations=raw.allocations,
        frees=raw.frees,
        size_classes=tuple(
            SizeClass(each.slot_size, each.live, each.allocations, each.frees)
            for each in raw.classes[: raw.class_count]
        ),
    )


def release() -> int:
    """Gives all memory that holds nothing back to the system at once, and says how many bytes went back meanwhile.

    There is no need to call it: the same happens by itself within a second. It is for a program that knows that it is
    idle now. Takes some 0.1 ms for each megabyte; other threads run meanwhile, so in an event loop, call it as
    `await asyncio.to_thread(release)`.

    Raises `NotRunningError` when the process does not run on planet-malloc.
    """
    library = _require()
    before = stats().returned
    library.planet_malloc_release()
    return stats().returned - before


def _require() -> ctypes.CDLL:
    library = _library.in_use()
    if library is None:
        raise NotRunningError
    return library
