"""Child processes of every kind, threads, and an event loop."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

from planet import memory
from support import LIMIT, MB, environment, resident

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples/idle.py"


def spike(megabytes: int) -> int:
    """Needs so much for a moment, and says by how much more is resident once it was given back."""
    memory.release()
    before = resident()
    blocks = [bytes(1000) for _ in range(megabytes * 1000)]
    assert resident() - before > megabytes * MB * 0.9
    del blocks
    memory.release()
    return resident() - before


class Children(unittest.TestCase):
    def test_of_fork_have_figures_of_their_own(self) -> None:
        held = bytearray(20 * MB)
        before = memory.stats()
        child = os.fork()
        if child == 0:
            more = bytearray(30 * MB)
            stats = memory.stats()
            is_right = 29 * MB < stats.live - before.live < 31 * MB and spike(20) < 5 * MB
            os._exit(10 if is_right and len(more) > len(held) else 1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 10)
        self.assertLess(memory.stats().live - before.live, 1 * MB)

    def test_of_fork_while_threads_allocate(self) -> None:
        stop = threading.Event()

        def allocate() -> None:
            while not stop.is_set():
                [bytes(size) for size in range(0, 5000, 7)]

        threads = [threading.Thread(target=allocate) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(50):
                child = os.fork()
                if child == 0:
                    memory.release()
                    os._exit(10 if memory.stats().live > 0 else 1)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 10)
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def test_of_multiprocessing_give_back_whatever_way_they_start(self) -> None:
        for way in ("fork", "spawn", "forkserver"):
            with self.subTest(way):
                context = multiprocessing.get_context(way)
                with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
                    for grown in pool.map(spike, [40] * 4, timeout=LIMIT):
                        self.assertLess(grown, 8 * MB)


class EventLoop(unittest.TestCase):
    def test_goes_on_while_memory_goes_back(self) -> None:
        async def work(count: int) -> int:
            kept = []
            for number in range(count):
                kept.append(bytes(number))
                await asyncio.sleep(0)
            return sum(map(len, kept))

        async def both() -> tuple[int, int]:
            garbage = [bytes(1000) for _ in range(50_000)]
            before = memory.stats().returned
            del garbage
            working = asyncio.create_task(work(2000))
            while not working.done():
                await asyncio.to_thread(memory.release)
            return await working, memory.stats().returned - before

        done, returned = asyncio.run(both())
        self.assertEqual(done, sum(range(2000)))
        self.assertGreater(returned, 45 * MB)

    def test_the_example_gives_back_when_it_is_idle(self) -> None:
        command = [sys.executable, "-u", "-m", "planet.run", str(EXAMPLE)]
        variables = environment(PLANET_MALLOC_BACKGROUND="0")
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = process.stdout.readline().split()
            with (
                socket.create_connection((address[2], int(address[3])), LIMIT) as client,
                client.makefile("rw") as lines,
            ):
                lines.write("300000\nwhat?\nstats\n")
                lines.flush()
                self.assertEqual(lines.readline(), f"{sum(n * n for n in range(300_000))}\n")
                self.assertIn("a number up to", lines.readline())
                resident_then = self.resident_of(lines.readline())
                went = re.match(r"idle: (\d+) bytes go back", process.stdout.readline())
                assert went is not None
                self.assertGreater(int(went[1]), 9 * MB)
                lines.write("stats\n")
                lines.flush()
                self.assertLess(self.resident_of(lines.readline()), resident_then - 9 * MB)
            process.terminate()
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def resident_of(self, line: str) -> int:
        found = re.search(r"(\d+) resident", line)
        assert found is not None, line
        return int(found[1])
