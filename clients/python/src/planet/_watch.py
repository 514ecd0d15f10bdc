"""Being told when a process holds much."""

import logging
import threading
from collections.abc import Callable
from typing import Literal

from ._figures import Stats, stats

MIN_INTERVAL = 0.01

_log = logging.getLogger("planet.memory")


class Mark:
    """A height that can be crossed once, and again only after a fall below a second, lower one."""

    def __init__(self, above: int, below: int) -> None:
        self._above, self._below = above, below
        self._is_armed = True

    def is_crossed_at(self, value: int) -> bool:
        """Whether `value`, which follows on those of earlier calls, is the first beyond the mark."""
        if self._is_armed:
            self._is_armed = value <= self._above
            return not self._is_armed
        self._is_armed = value < self._below
        return False


class Watch:
    """A watch that runs, until it is stopped. As a context manager it is stopped at the end of the block."""

    def __init__(
        self, callback: Callable[[Stats], object], mark: Mark, of: Literal["live", "resident"], interval: float
    ) -> None:
        self._callback, self._mark, self._of, self._interval = callback, mark, of, interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_often, name="planet-memory-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch. A callback that runs is waited for, unless it is the one that calls this."""
        # In a forked child there is no such thread, and the event may be as the thread left it in the middle of a call.
        if self._thread.is_alive():
            self._stopped.set()
            if threading.current_thread() is not self._thread:
                self._thread.join()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _look_often(self) -> None:
        while True:
            now = stats()
            if self._mark.is_crossed_at(now.live if self._of == "live" else now.resident):
                try:
                    self._callback(now)
                except Exception:
                    _log.exception("the callback of a memory watch failed; the watch goes on")
            if self._stopped.wait(self._interval):
                return


def watch(
    callback: Callable[[Stats], object],
    *,
    above: int,
    below: int | None = None,
    of: Literal["live", "resident"] = "live",
    interval: float = 1.0,
) -> Watch:
    """Calls `callback` with the figures when this process holds more than `above` bytes.

    Once for each time that it rises there: it is not called again before the figure has fallen below `below`, nine
    tenths of `above` unless said. `of` says which figure of `Stats` it is. Looks every `interval` seconds, at once for
    the first time, so that what rises and falls in between may be missed.

    The callback runs in a thread of the watch, one call at a time; an event loop is reached from there by
    `loop.call_soon_threadsafe`. What the callback raises is logged by the logger `planet.memory`. The watch ends with
    `stop()` or with the process, and is not inherited by a forked child.

    Raises `NotRunningError` when the process does not run on planet-malloc, and `ValueError` for marks below 0, for
    `below` over `above`, and for an interval under 0.01 seconds.
    """
    if below is None:
        below = above * 9 // 10
    if not 0 <= below <= above:
        raise ValueError(f"the marks are bytes, and 0 <= below <= above: {below} and {above} are not")
    if interval < MIN_INTERVAL:
        raise ValueError(f"the interval is in seconds, {MIN_INTERVAL} at least: {interval} is not")
    if of not in ("live", "resident"):
        raise ValueError(f"`live` and `resident` can be watched, {of!r} cannot")
    stats()
    return Watch(callback, Mark(above, below), of, interval)
