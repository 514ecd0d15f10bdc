"""`planet plugin doctor` says which file QtWebKit loads, and QtWebKit loads it."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from support.python.planet import binary

TYPE = "application/x-planet-demo"
NAME = b"Planet demo"
LOAD = f"""
from npapi.engine import Page
page = Page('<embed id="demo" type="{TYPE}" width="100" height="100">')
print('VERSION', page.run("document.body.offsetWidth; document.getElementById('demo').getVersion()"))
import os, sys
sys.stdout.flush()
os._exit(0)
"""


class Doctor(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="planet-doctor-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(os.path.realpath(folder.name))
        self.home = self.root / "home"
        self.own = self.home / ".mozilla/plugins"
        self.own.mkdir(parents=True)
        self.one, self.two = self.root / "one", self.root / "two"
        for path in (self.one, self.two):
            path.mkdir()
        self.environment = {**os.environ, "HOME": str(self.home), "QTWEBKIT_PLUGIN_PATH": f"{self.one}:{self.two}"}

    def put(self, path: pathlib.Path, name: str = "Planet demo") -> pathlib.Path:
        """A copy of the demo plugin; one of another name has it in place of the old one, with the same length."""
        data = pathlib.Path(os.environ["TESTED_PLUGIN"]).read_bytes()
        self.assertIn(NAME, data)
        path.write_bytes(data.replace(NAME, name.encode().ljust(len(NAME), b".")))
        return path

    def doctor(self, *arguments) -> subprocess.CompletedProcess:
        command = [binary(), "plugin", "doctor", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)

    def engine(self) -> tuple[str | None, bool]:
        """The file whose NP_Initialize QtWebKit has called, and whether the page got its plugin."""
        log = self.root / "npapi.log"
        environment = {**self.environment, "NPAPI_LOG": str(log)}
        done = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, timeout=120)
        self.assertIn("VERSION", done.stdout, done.stderr)
        trace = log.read_text() if log.exists() else ""
        loaded = re.findall(r"- from (.*), build ", trace)
        self.assertLessEqual(len(loaded), 1, trace)
        return (loaded[0] if loaded else None), "VERSION 0." in done.stdout

    def agree(self, expected: pathlib.Path | None, rule: str, shown: bool = True) -> str:
        """Doctor and engine name the expected file."""
        loaded, answered = self.engine()
        self.assertEqual(loaded, str(expected) if expected else None)
        self.assertEqual(answered, shown and expected is not None)
        said = self.doctor("which", TYPE)
        self.assertIn(f"loads: {expected}\n" if expected else "loads: nothing", said.stdout)
        self.assertIn(rule, said.stdout)
        self.assertEqual(said.returncode, 0 if expected else 1)
        return said.stdout

    def test_nothing(self) -> None:
        self.agree(None, "there is no plugin")

    def test_a_single_file(self) -> None:
        self.agree(self.put(self.one / "npa.so"), "the only file")

    def test_the_name_of_the_plugin_goes_before_the_name_of_the_file(self) -> None:
        first, second = self.put(self.one / "npz.so", "Alpha"), self.put(self.one / "npa.so", "Beta")
        said = self.agree(first, 'its name "Alpha......" comes before "Beta......."')
        self.assertIn(f"shadowed: {second}\n", said)

    def test_the_name_of_the_plugin_goes_before_the_order_of_the_folders(self) -> None:
        self.put(self.one / "np.so", "Beta")
        self.agree(self.put(self.two / "np.so", "Alpha"), "comes before")

    def test_the_users_own_folder_goes_before_the_name(self) -> None:
        self.put(self.one / "np.so", "Alpha")
        self.agree(self.put(self.own / "np.so", "Beta"), "which comes first")

    def test_a_stale_copy_in_the_users_own_folder_shadows_the_build(self) -> None:
        built = self.put(self.one / "np.so")
        stale = shutil.copy(built, self.own / "np.so")
        os.utime(stale, (1e9, 1e9))
        said = self.agree(pathlib.Path(stale), "which comes first")
        self.assertIn(f"shadowed: {built}\n", said)

    def test_equal_names_in_two_folders(self) -> None:
        self.environment["QTWEBKIT_PLUGIN_PATH"] = f"{self.two}:{self.one}"
        self.put(self.two / "np.so")
        self.agree(self.put(self.one / "np.so"), "of equal names")

    def test_equal_names_in_one_folder_are_undetermined(self) -> None:
        files = {str(self.put(self.one / name)) for name in ("npa.so", "npb.so")}
        said = self.doctor("which", TYPE)
        self.assertIn("loads: undetermined", said.stdout)
        self.assertEqual(set(re.findall("perhaps: (.*)", said.stdout)), files)
        self.assertEqual(said.returncode, 1)
        self.assertIn(self.engine()[0], files)

    def test_one_that_fails_shadows_a_good_one(self) -> None:
        self.environment["NPDEMO_FAIL"] = "Alpha......"
        self.put(self.one / "npb.so", "Beta")
        said = self.agree(self.put(self.one / "npa.so", "Alpha"), "comes before", shown=False)
        self.assertIn("does not try the next file", said)

    def test_a_symbolic_link(self) -> None:
        real = self.put(self.root / "real.so")
        (self.one / "np.so").symlink_to(real)
        said = self.agree(real, "the only file")
        self.assertIn(f"found as {self.one / 'np.so'}", said)

    def test_a_symbolic_link_in_the_users_own_folder_counts_where_it_leads(self) -> None:
        real = self.put(self.root / "real.so", "Beta")
        (self.own / "np.so").symlink_to(real)
        self.agree(self.put(self.one / "np.so", "Alpha"), "comes before")

    def test_a_link_to_nowhere(self) -> None:
        (self.own / "np.so").symlink_to(self.root / "gone.so")
        self.agree(self.put(self.one / "np.so"), "the only file")

    def test_another_architecture(self) -> None:
        other = self.put(self.own / "np.so", "Alpha")
        data = bytearray(other.read_bytes())
        data[18] = 183  # the machine in the header: AArch64
        other.write_bytes(data)
        said = self.agree(self.put(self.one / "np.so", "Beta"), "the only file")
        self.assertIn("passed over", said)
        self.assertIn("it is for aarch64", self.doctor("check", other).stdout)

    def test_a_text(self) -> None:
        (self.own / "nptext.so").write_text("no plugin")
        self.agree(self.put(self.one / "np.so", "Beta"), "the only file")

    def test_a_truncated_copy_crashes_the_engine(self) -> None:
        cut = self.put(self.own / "npcut.so", "Alpha")
        cut.write_bytes(cut.read_bytes()[:100_000])
        self.put(self.one / "np.so", "Beta")
        self.assertIn(f"loading {cut} crashes", self.doctor("which", TYPE).stdout)
        self.assertIn("REFUSED the file is a broken or truncated ELF file", self.doctor("check", cut).stdout)
        command = [sys.executable, "-c", LOAD]
        crashed = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(crashed.returncode, -signal.SIGBUS)

    def test_names_that_are_passed_over(self) -> None:
        self.put(self.own / "np.so.1", "Alpha")
        self.put(self.own / ".np.so", "Alpha")
        self.put(self.own / "libvlcplugin.so", "Alpha")
        self.agree(self.put(self.one / "np.so", "Beta"), "the only file")

    def test_a_name_in_upper_case(self) -> None:
        self.agree(self.put(self.one / "NP.SO"), "the only file")

    def test_the_other_variable(self) -> None:
        self.environment["MOZ_PLUGIN_PATH"] = str(self.two)
        self.environment["QTWEBKIT_PLUGIN_PATH"] = ""
        self.agree(self.put(self.two / "np.so"), "the only file")

    def test_chromium_takes_the_first_folder_and_in_it_the_newest_file(self) -> None:
        self.environment["MOZ_PLUGIN_PATH"] = f"{self.two}:{self.one}"
        old, new = self.put(self.two / "npa.so"), self.put(self.two / "npb.so")
        other = self.put(self.one / "np.so")
        os.utime(old, (1e9, 1e9))
        os.utime(new, (1.1e9, 1.1e9))
        os.utime(other, (1.2e9, 1.2e9))
        said = self.doctor("which", TYPE, "--engine", "chromium").stdout
        self.assertIn(f"loads: {new}\nbecause: it was changed last", said)
        os.utime(new, (1e9, 1e9))
        said = self.doctor("which", TYPE, "--engine", "chromium").stdout
        self.assertIn(f"loads: {old}\nbecause: of those changed at the same time", said)
        old.unlink()
        said = self.doctor("which", TYPE, "--engine", "chromium").stdout
        self.assertIn(f"loads: {new}\nbecause: {self.two} comes first", said)

    def test_mozilla_cannot_choose_between_equal_versions(self) -> None:
        self.environment["MOZ_PLUGIN_PATH"] = str(self.one)
        only = self.put(self.one / "np.so")
        self.assertIn(f"loads: {only}\n", self.doctor("which", TYPE, "--engine", "mozilla").stdout)
        self.put(self.own / "np.so")
        self.assertIn("same version", self.doctor("which", TYPE, "--engine", "mozilla").stdout)

    def test_install_and_uninstall(self) -> None:
        file = self.put(self.root / "npnew.so")
        before = self.put(self.own / "npnew.so", "Alpha").read_bytes()
        self.assertEqual(self.doctor("install", file).returncode, 0)
        self.agree(self.own / "npnew.so", "the only file")
        self.assertEqual((self.own / "npnew.so").read_bytes(), file.read_bytes())
        self.assertEqual(self.doctor("uninstall", "npnew.so").returncode, 0)
        self.assertEqual((self.own / "npnew.so").read_bytes(), before)
        again = self.doctor("uninstall", "npnew.so")
        self.assertEqual(again.returncode, 1)
        self.assertIn("was not put there by this program", again.stderr)
        text = self.root / "text.so"
        text.write_text("no plugin")
        self.assertIn("no engine would take", self.doctor("install", text).stderr)

    def test_the_page_tells_a_build_from_another(self) -> None:
        file = self.put(self.one / "np.so")
        page = self.root / "page.html"

        def shown(text: str) -> str:
            page.write_text(text)
            command = [binary(), "plugin", "try", page, "--plugins", self.one]
            return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120).stdout

        text = self.doctor("page", TYPE).stdout
        self.assertIn(f"Loaded: {file}", shown(text))
        self.assertIn("It is the one on disk.", shown(text))
        changed = re.sub(r"(np\.so': ')[0-9a-f]{8}", r"\g<1>00000000", text)
        self.assertNotEqual(changed, text)
        self.assertIn("On disk there is another build now, 00000000", shown(changed))


if __name__ == "__main__":
    unittest.main()
