"""A new plugin project, as a new user would try it."""

import os
import pathlib
import pwd
import subprocess
import tempfile
import unittest

from support.python.planet import binary


class Project(unittest.TestCase):
    def test_new_build_try(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="planet-project-")
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        # Cargo keeps its things in the user's own home, which the other tests do without.
        environment = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir}

        def planet(*arguments, folder: pathlib.Path) -> str:
            command = [binary(), "plugin", *arguments]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        planet("new", "demo", "--mime", "application/x-demo", folder=root)
        project = root / "demo"
        self.assertIn("dist/npdemo.so", planet("build", folder=project))
        shown = planet("try", "--screenshot", "shot.png", folder=project)
        self.assertIn("first: version 0.1.0, embedded | second: version 0.1.0, an object", shown)
        self.assertGreater((project / "shot.png").stat().st_size, 1000)
        checked = planet("doctor", "check", "dist/npdemo.so", folder=project)
        self.assertNotIn("REFUSED", checked)
        self.assertIn("type application/x-demo", checked)


if __name__ == "__main__":
    unittest.main()
