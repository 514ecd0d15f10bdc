"""CPython's own tests, with the allocator and without it."""

from collections.abc import Sequence

from malloc import cpython
from malloc.preload import PreloadTest

AS_USUAL: dict[str, str] = {}
THROUGH_MALLOC = {"PYTHONMALLOC": "malloc"}
# As `planet run` starts Python, and as it does where it does not see that it is Python.
DIRECTLY = {"PYTHONMALLOC": "malloc", "PLANET_MALLOC_PYTHON": "1"}
BEHIND_LAUNCHERS = {"PLANET_MALLOC_PYTHON": "1"}
# They ask by which allocator of its own Python works, or what that one holds, and it works by none of them then.
ASK_FOR_THE_ALLOCATOR = ("test_pythonmalloc", "test_getallocatedblocks", "test_debugmallocstats")

# How often a module in which something differed is run again, in each way.
AGAIN = 3


class PythonTest(PreloadTest):
    """What passes without the allocator has to pass with it."""

    def compare(self, ways: Sequence[dict[str, str]], modules: Sequence[str] = ()) -> None:
        """Runs these modules, or all, as they are, and on the allocator with the settings of each of these ways."""
        print("CPython's tests without the allocator, then with it", flush=True)
        stock = cpython.run(modules, self.folder / "0", self.environment(preload=False))
        self.assertGreaterEqual(len(stock.modules), len(modules), stock.log)
        self.assertGreater(stock.passed(), 0, stock.log)
        for number, settings in enumerate(ways, start=1):
            with self.subTest(**settings), self.watched(cpython.PROGRAM):
                ignored = ASK_FOR_THE_ALLOCATOR if "PLANET_MALLOC_PYTHON" in settings else ()
                # Paths are as long as without, since some tests are skipped when they are too long.
                ours = cpython.run(modules, self.folder / str(number), self.environment(preload=True, **settings), ignored)
                counts = f"{ours.passed()} cases in {len(ours.modules)} modules pass, {stock.passed()} without"
                print(f"{settings or 'as usual'}: {counts} the allocator", flush=True)
                if worse := ours.worse_than(stock.without(ignored)):
                    print("again:", *worse.values(), sep="\n  ", flush=True)
                    self.confirm(list(worse), number, settings, ignored)

    def confirm(
        self, modules: Sequence[str], number: int, settings: dict[str, str], ignored: Sequence[str]
    ) -> None:
        """Some tests fail now and then: what fails on the allocator is excused when it also fails without."""
        self.assertNotIn(cpython.UNKNOWN, modules)
        runs = {preload: [] for preload in (False, True)}
        for turn in range(AGAIN):
            for preload, results in runs.items():
                folder = self.folder / f"{number}-{preload:d}-{turn}"
                results.append(cpython.run(modules, folder, self.environment(preload, **settings), ignored))
        stock, ours = (cpython.Results.worst(runs[preload]) for preload in (False, True))
        worse = ours.worse_than(stock)
        self.assertFalse(worse, "\n".join([*worse.values(), *(run.log for run in runs[True])]))
