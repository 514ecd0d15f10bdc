"""Runs CPython's own regression tests, and tells how two runs of them differ."""

import collections
import dataclasses
import pathlib
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

# The system's interpreter, whose tests are in the package libpython3-testsuite.
PYTHON = "/usr/bin/python3"
PROGRAM = pathlib.Path(PYTHON).resolve().name
# How long one module may take, in seconds.
MODULE_LIMIT = 300
# Needs an answer from outside of a virtual machine, and waits for it for ever.
IGNORED = ("*VSOCK*",)
RESULT = re.compile(
    r"^\d+:\d\d:\d\d .*?\] (test\w+) "
    r"(passed|skipped|failed|crashed|timed out|ran no tests|interrupted)"
)
# Stands for the module of a case whose name does not tell it.
UNKNOWN = "?"
BAD_TO_GOOD = ("failed", "skipped", "passed")
FINE = ("passed", "skipped", "ran no tests")


@dataclasses.dataclass
class Results:
    """What became of each module, and of each case in them."""

    modules: dict[str, str] = dataclasses.field(default_factory=dict)
    cases: dict[str, str] = dataclasses.field(default_factory=dict)
    log: str = ""

    def passed(self) -> int:
        """How many cases passed."""
        return collections.Counter(self.cases.values())["passed"]

    def without(self, names: Iterable[str]) -> "Results":
        """The same without cases of these names."""
        names = set(names)
        cases = {case: outcome for case, outcome in self.cases.items() if not names & set(re.split(r"\W", case))}
        return dataclasses.replace(self, cases=cases)

    def worse_than(self, other: "Results") -> dict[str, str]:
        """The modules in which something is not as well as in `other`: each with what and how."""
        worse = {}
        for module, before in other.modules.items():
            now = self.modules.get(module, "missing")
            if before in FINE and now != before:
                worse[module] = f"{module}: {now}, was {before}"
        for case, before in other.cases.items():
            now = self.cases.get(case, "missing")
            module = module_of(case, other.modules)
            if before in FINE and now != before:
                worse[module] = f"{worse.get(module, module)}; {case}: {now}, was {before}"
        return worse

    @classmethod
    def worst(cls, runs: Iterable["Results"]) -> "Results":
        """Of several runs of the same modules, the worst of each."""
        worst = cls()
        for each in runs:
            for kept, seen in ((worst.modules, each.modules), (worst.cases, each.cases)):
                for name, outcome in seen.items():
                    if kept.get(name) in (None, *FINE):
                        kept[name] = outcome
        return worst


def module_of(case: str, modules: Iterable[str]) -> str:
    """The module that a case such as `test.test_json.test_scan.Case.test_it` is from."""
    parts = case.replace("(", ".").replace(")", ".").split(".")
    # Some modules only load tests that lie beside what they test, as in `ctypes.test.test_arrays.Case.test_it`.
    candidates = [*parts, f"test_{parts[0]}"]
    return next((part for part in candidates if part in modules), UNKNOWN)


def run(
    modules: Iterable[str], folder: pathlib.Path, environment: Mapping[str, str], ignored: Sequence[str] = ()
) -> Results:
    """Runs these modules, or all when none are named, two at a time, without the cases that are ignored. Network, screen
    and sound are not used."""
    folder.mkdir()
    report, log = folder / "report.xml", folder / "log"
    # What is started in the background ignores interrupts, which some tests are about.
    command = ["env", "--default-signal=INT", PYTHON]
    command += ["-m", "test", "-j2", "--use", "subprocess,decimal"]
    command += [word for case in (*IGNORED, *ignored) for word in ("--ignore", case)]
    with open(log, "wb") as output:
        # Some tests ask for the home folder, and some write where they are.
        subprocess.run(
            [*command, "--timeout", str(MODULE_LIMIT), "--junit-xml", report, *modules],
            cwd=folder,
            env={**environment, "HOME": str(folder), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    text = log.read_text(errors="replace")
    if not report.exists():
        raise RuntimeError(f"the tests did not come to their end:\n{text[-3000:]}")
    return read(text, ElementTree.parse(report).getroot())


def read(log: str, report: ElementTree.Element) -> Results:
    """The results that a log and a report in JUnit's format tell."""
    results = Results(log=log)
    for line in log.splitlines():
        if found := RESULT.match(line):
            results.modules[found[1]] = found[2]
    for case in report.iter("testcase"):
        # A case of which only parts failed has no name here; its module has failed then.
        if name := case.get("name"):
            kinds = {child.tag for child in case}
            outcome = "failed" if kinds & {"error", "failure"} else "skipped" if "skipped" in kinds else "passed"
            # Of several cases with one name the worst counts.
            results.cases[name] = min(outcome, results.cases.get(name, outcome), key=BAD_TO_GOOD.index)
    return results
