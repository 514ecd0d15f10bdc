"""`planet.memory`: the figures, and giving back. Most of it in this process, which runs on the allocator."""

import ctypes
import json
import sys

from planet import _library, memory, run
from support import MB, ProgramTest, resident

#: What else happens in an interpreter while a test looks away.
NOISE = 1 * MB


class Figures(ProgramTest):
    def test_a_large_block_is_seen_while_it_is_there(self) -> None:
        before = memory.stats()
        block = bytearray(50 * MB)
        during = memory.stats()
        del block
        after = memory.stats()
        self.assertAlmostEqual(during.live - before.live, 50 * MB, delta=NOISE)
        self.assertAlmostEqual(after.live, before.live, delta=NOISE)
        self.assertGreaterEqual(during.mapped - before.mapped, 50 * MB)
        self.assertGreaterEqual(after.cached, 50 * MB)
        for peaks in (after.peak_live.second, after.peak_live.ten_seconds, after.peak_live.minute):
            self.assertGreaterEqual(peaks, during.live - NOISE)
        self.assertGreaterEqual(after.peak_resident.minute, before.resident)

    def test_small_objects_are_counted_in_their_size(self) -> None:
        self.assertTrue(run.takes_malloc(), "this interpreter keeps small objects to itself")
        before = memory.stats()
        objects = [bytes(100) for _ in range(100_000)]
        during = memory.stats()
        size = -(-sys.getsizeof(objects[0]) // 16) * 16
        lists = sys.getsizeof(objects)
        del objects
        after = memory.stats()
        self.assertAlmostEqual(during.live - before.live, 100_000 * size + lists, delta=NOISE)
        # The counts leave out what was freed and taken again at once.
        self.assertGreaterEqual(during.allocations - before.allocations, 99_000)
        self.assertGreaterEqual(after.frees - during.frees, 99_000)
        one_size = [
            next(each for each in stats.size_classes if each.slot_size == size) for stats in (before, during, after)
        ]
        self.assertAlmostEqual(one_size[1].live - one_size[0].live, 100_000, delta=1000)
        self.assertAlmostEqual(one_size[2].live, one_size[0].live, delta=1000)
        self.assertGreaterEqual(one_size[1].allocations - one_size[0].allocations, 99_000)
        self.assertGreaterEqual(one_size[2].frees - one_size[1].frees, 99_000)

    def test_the_size_classes_make_up_what_is_live(self) -> None:
        # The order of the fields is C's, and other fields would not add up.
        stats = memory.stats()
        sizes = [each.slot_size for each in stats.size_classes]
        self.assertEqual(sizes, sorted(set(sizes)))
        slots = sum(each.slot_size * each.live for each in stats.size_classes)
        self.assertLessEqual(slots, stats.live + NOISE)
        self.assertGreater(slots, stats.live / 4)
        self.assertLess(stats.live, stats.resident + NOISE)
        self.assertLess(stats.resident, stats.mapped)

    def test_library_and_package_know_the_same_fields(self) -> None:
        library = _library.in_use()
        assert library is not None
        raw = _library.Figures()
        size = ctypes.sizeof(raw)
        self.assertEqual(library.planet_malloc_figures(ctypes.byref(raw), size), size)

    def test_the_advised_limit_is_told(self) -> None:
        show = "from planet import memory; print(memory.stats().limit)"
        self.assertEqual(self.output("-m", "planet.run", "-c", show, PLANET_MALLOC_LIMIT="123456789"), "123456789\n")
        self.assertIsNone(memory.stats().limit)

    def test_the_version_is_that_of_the_package(self) -> None:
        from importlib.metadata import version

        self.assertEqual(memory.version(), version("planet-platform"))


class Release(ProgramTest):
    def test_what_was_freed_leaves_the_resident_memory(self) -> None:
        memory.release()
        before = resident()
        objects = [bytes(1000) for _ in range(60_000)]
        self.assertGreater(resident() - before, 55 * MB)
        # Each 200th stays, and holds its page.
        kept = objects[::200]
        del objects
        memory.release()
        self.assertLess(resident() - before, 10 * MB)
        self.assertEqual(len(kept), 300)

    def test_says_how_much_went_back(self) -> None:
        # Without the allocator's own thread, which may be the first.
        program = """
from planet import memory
memory.release()
again = memory.release()
block = [bytes(1000) for _ in range(60_000)]
del block
print([again, memory.release(), memory.release()])
"""
        text = self.output("-m", "planet.run", "-c", program, PLANET_MALLOC_BACKGROUND="0")
        nothing, much, nothing_more = json.loads(text)
        self.assertLess(nothing, MB)
        self.assertGreater(much, 55 * MB)
        self.assertLess(nothing_more, MB)

    def test_goes_on_by_itself_too(self) -> None:
        program = """
import time
from planet import memory
block = [bytes(1000) for _ in range(60_000)]
before = memory.stats()
del block
for _ in range(600):
    if memory.stats().returned - before.returned > 50_000_000:
        print("it went back")
        break
    time.sleep(0.1)
"""
        self.assertEqual(self.output("-m", "planet.run", "-c", program), "it went back\n")


class Elsewhere(ProgramTest):
    def test_everything_says_what_to_do(self) -> None:
        program = """
from planet import memory
print(memory.is_running())
for call in (memory.stats, memory.release, memory.version, lambda: memory.watch(print, above=1)):
    try:
        call()
    except memory.NotRunningError as error:
        print(error)
"""
        says = "this process does not run on planet-malloc; start it with `python -m planet.run` or `planet run`\n"
        self.assertEqual(self.output("-c", program), "False\n" + 4 * says)
