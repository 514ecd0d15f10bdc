"""Waiting for what happens elsewhere, with an error that says what did not."""

import asyncio
import time
from collections.abc import Callable

# How long a test waits for something that should come at once. Generous: it only shows when a test fails.
LIMIT = 15.0


async def until(what: str, probe: Callable[[], object], limit: float = LIMIT) -> None:
    """Waits until `probe` gives something true."""
    deadline = time.monotonic() + limit
    while not probe():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit} s in vain: {what}")
        await asyncio.sleep(0.01)
