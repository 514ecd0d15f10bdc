"""Browsers show a page on the allocator as they do without it."""

import pathlib
import shutil

from malloc import cpython
from malloc.preload import PreloadTest, Watch, brings_malloc

PAGE = pathlib.Path(__file__).parent / "page.html"
HEADLESS = {
    "QT_QPA_PLATFORM": "offscreen",
    "QT_QUICK_BACKEND": "software",
    # Chromium's sandbox does not work as root and in many containers.
    "QTWEBENGINE_DISABLE_SANDBOX": "1",
    # Without the process that it usually forks renderers from, they can be told from it.
    "QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu --no-zygote",
}


class Browsers(PreloadTest):
    def test_qtwebengine(self) -> None:
        # Chromium's engine as Qt builds it: with the malloc of the system.
        script = PAGE.parent / "webengine.py"
        said, shown = [], []
        with self.watched("QtWebEngineProcess --type=renderer", cpython.PROGRAM):
            for preload in (False, True):
                shown.append(self.folder / f"{preload}.png")
                command = [cpython.PYTHON, script, PAGE, shown[-1]]
                home = {"HOME": str(self.folder / f"home-{preload}")}
                said.append(self.run_program(command, preload, environment=HEADLESS | home))
        self.assertIn("the sum is 289013460", said[0])
        self.assertEqual(said[1], said[0])
        self.assertTrue(shown[1].read_bytes() == shown[0].read_bytes(), "it looks otherwise")

    def test_chromium(self) -> None:
        # Chromium itself has a malloc of its own, also for its libraries: ours is there and must not disturb.
        browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        shown = []
        with Watch(self.library) as watch:
            for preload in (False, True):
                shown.append(self.folder / f"{preload}.png")
                flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
                flags += ["--window-size=600,600", "--virtual-time-budget=10000", f"--screenshot={shown[-1]}"]
                profile = f"--user-data-dir={self.folder / f'profile-{preload}'}"
                self.run_program([browser, *flags, profile, PAGE.as_uri()], preload)
        renderers = [program for name, program in watch.seen.items() if name.endswith(" --type=renderer")]
        self.assertEqual(len(renderers), 1, watch.seen)
        self.assertTrue(brings_malloc(renderers[0]), "it can be watched like the others now")
        self.assertGreater(shown[0].stat().st_size, 10_000)
        self.assertTrue(shown[1].read_bytes() == shown[0].read_bytes(), "it looks otherwise")
