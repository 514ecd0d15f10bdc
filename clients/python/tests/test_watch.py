"""`planet.memory.watch`."""

import dataclasses
import logging
import os
import threading
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

from planet import _watch, memory
from support import LIMIT, MB

QUICK = 0.01


class Script:
    """Stands in for `stats()`: one value of `live` after the other, and then the last for ever."""

    def __init__(self, *values: int) -> None:
        self.is_over = threading.Event()
        self._values = iter(values)
        self._now = memory.stats()

    def __call__(self) -> memory.Stats:
        value = next(self._values, None)
        if value is None:
            self.is_over.set()
        else:
            self._now = dataclasses.replace(self._now, live=value)
        return self._now


class Watches(unittest.TestCase):
    def seen(
        self, values: list[int], callback: Callable[[memory.Stats], object] = lambda _: None, **marks: Any
    ) -> list[int]:
        """The values at which a watch calls back. The first of `values` is for the call of `watch` itself."""
        script, seen = Script(0, *values), list[int]()

        def note(stats: memory.Stats) -> None:
            seen.append(stats.live)
            callback(stats)

        with mock.patch.object(_watch, "stats", script), memory.watch(note, interval=QUICK, **marks):
            self.assertTrue(script.is_over.wait(LIMIT))
        return seen

    def test_call_once_for_each_crossing(self) -> None:
        self.assertEqual(self.seen([1, 100, 101, 500, 300, 101], above=100), [101])
        self.assertEqual(self.seen([101], above=100), [101])
        self.assertEqual(self.seen([100, 1, 100], above=100), [])

    def test_wait_for_a_fall_before_they_call_again(self) -> None:
        self.assertEqual(self.seen([101, 99, 102, 90, 103, 89, 104], above=100), [101, 104])
        self.assertEqual(self.seen([101, 50, 102, 49, 103], above=100, below=50), [101, 103])
        self.assertEqual(self.seen([101, 99, 102], above=100, below=100), [101, 102])

    def test_go_on_when_a_callback_fails_and_log_it(self) -> None:
        def fail(_: memory.Stats) -> None:
            raise LookupError("of the test")

        with self.assertLogs("planet.memory", logging.ERROR) as logs:
            self.assertEqual(self.seen([101, 1, 102], fail, above=100), [101, 102])
        self.assertEqual(len(logs.output), 2)
        self.assertIn("LookupError: of the test", logs.output[0])

    def test_see_real_memory(self) -> None:
        for of in ("live", "resident"):
            with self.subTest(of):
                called, seen = threading.Event(), list[memory.Stats]()

                def note(stats: memory.Stats) -> None:
                    seen.append(stats)
                    called.set()

                above = getattr(memory.stats(), of) + 40 * MB
                with memory.watch(note, above=above, of=of, interval=QUICK):
                    block = b"1" * (60 * MB)
                    self.assertTrue(called.wait(LIMIT))
                    self.assertGreater(getattr(seen[0], of), above)
                    del block
                    memory.release()
                self.assertEqual(len(seen), 1)


class Stopping(unittest.TestCase):
    def count(self) -> int:
        return sum(thread.name == "planet-memory-watch" for thread in threading.enumerate())

    def test_ends_the_thread(self) -> None:
        watch = memory.watch(lambda _: None, above=1 << 50)
        self.assertEqual(self.count(), 1)
        watch.stop()
        self.assertEqual(self.count(), 0)
        watch.stop()

    def test_works_from_the_callback(self) -> None:
        started, stopped = threading.Event(), threading.Event()

        def stop(_: memory.Stats) -> None:
            started.wait(LIMIT)
            watch.stop()
            stopped.set()

        watch = memory.watch(stop, above=0, interval=QUICK)
        started.set()
        self.assertTrue(stopped.wait(LIMIT))
        watch.stop()
        self.assertEqual(self.count(), 0)

    def test_a_forked_child_has_no_watch_and_may_say_stop(self) -> None:
        for _ in range(20):
            with memory.watch(lambda _: None, above=1 << 50, interval=QUICK) as watch:
                child = os.fork()
                if child == 0:
                    watch.stop()
                    os._exit(10 + self.count())
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 10)


class Refusals(unittest.TestCase):
    def test_say_what_is_wrong(self) -> None:
        wrongs: list[tuple[dict[str, Any], str]] = [
            ({"above": -1}, "marks"),
            ({"above": 10, "below": 11}, "11 and 10"),
            ({"above": 10, "interval": 0.001}, "0.001"),
            ({"above": 10, "of": "mapped"}, "'mapped' cannot"),
        ]
        for wrong, says in wrongs:
            with self.subTest(wrong), self.assertRaisesRegex(ValueError, says):
                memory.watch(print, **wrong)
