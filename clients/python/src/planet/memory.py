"""What this process holds on planet-malloc, and giving memory back by hand.

    from planet import memory

    memory.stats().live                                 # bytes that the program holds
    memory.release()                                    # gives back at once what would go back within a second
    memory.watch(drop_caches, above=500_000_000)        # calls drop_caches(stats) when the program holds so much

All of them raise `NotRunningError` in a process that was started without the allocator; `is_running()` asks first.
They may be called from every thread.
"""

from ._figures import NotRunningError, Peaks, SizeClass, Stats, is_running, release, stats, version
from ._watch import Watch, watch

__all__ = [
    "NotRunningError",
    "Peaks",
    "SizeClass",
    "Stats",
    "Watch",
    "is_running",
    "release",
    "stats",
    "version",
    "watch",
]
