"""CPython's own tests, with the allocator and without it."""

from collections.abc import Sequence

from malloc import cpython
from malloc.preload import PreloadTest

# How often a module in which something differed is run again, in each way.
AGAIN = 3


class PythonTest(PreloadTest):
    """What passes without the allocator has to pass with it."""

    def compare(self, modules: Sequence[str] = ()) -> None:
        """Runs these modules, or all, as they are, on the allocator, and on it for small objects too."""
        print("CPython's tests without the allocator, then with it", flush=True)
        stock = cpython.run(modules, self.folder / "stock", self.environment(preload=False))
        self.assertGreaterEqual(len(stock.modules), len(modules), stock.log)
        self.assertGreater(stock.passed(), 0, stock.log)
        for settings in ({}, {"PYTHONMALLOC": "malloc"}):
            with self.subTest(**settings), self.watched(cpython.PROGRAM):
                folder = self.folder / "-".join(["ours", *settings.values()])
                ours = cpython.run(modules, folder, self.environment(preload=True, **settings))
                counts = f"{ours.passed()} cases in {len(ours.modules)} modules pass, {stock.passed()} without"
                print(f"{settings or 'as usual'}: {counts} the allocator", flush=True)
                if worse := ours.worse_than(stock):
                    print("again:", *worse.values(), sep="\n  ", flush=True)
                    self.confirm(list(worse), settings)

    def confirm(self, modules: Sequence[str], settings: dict[str, str]) -> None:
        """Some tests fail now and then: what fails on the allocator is excused when it also fails without."""
        self.assertNotIn(cpython.UNKNOWN, modules)
        runs = {preload: [] for preload in (False, True)}
        for turn in range(AGAIN):
            for preload, results in runs.items():
                folder = self.folder / f"again-{'-'.join(settings)}-{preload}-{turn}"
                results.append(cpython.run(modules, folder, self.environment(preload, **settings)))
        stock, ours = (cpython.Results.worst(runs[preload]) for preload in (False, True))
        worse = ours.worse_than(stock)
        self.assertFalse(worse, "\n".join([*worse.values(), *(run.log for run in runs[True])]))
