"""The checks of the other tests here find what they are there to find."""

from xml.etree import ElementTree

from malloc import cpython
from malloc.preload import PreloadTest

LOG = """
0:00:05 load avg: 0.33 [ 20/431] test_array passed
0:00:05 load avg: 0.33 [ 21/431/1] test_gc failed (1 failure) -- running: test_io (30.3 sec)
0:00:09 load avg: 0.33 [ 22/431/2] test_ctypes crashed (Exit code -6)
0:00:09 load avg: 0.33 [ 23/431/2] test_winreg skipped (resource denied)
"""
REPORT = """
<testsuites><testsuite>
<testcase name="test.test_array.Case.test_good"/>
<testcase name="test.test_array.Case.test_no_need"><skipped>not here</skipped></testcase>
<testcase name="test.test_gc.Case.test_bad"><failure type="AssertionError"/></testcase>
<testcase name="test.test_gc.Case.test_twice"><error type="OSError"/></testcase>
<testcase name="test.test_gc.Case.test_twice"/>
<testcase/>
</testsuite></testsuites>
"""


class Checks(PreloadTest):
    def test_a_process_without_the_library_is_not_taken_for_one_with_it(self) -> None:
        with self.watched("sleep"):
            self.run_program(["sleep", "0.5"], preload=True)
        with self.assertRaises(AssertionError), self.watched("sleep"):
            self.run_program(["sleep", "0.5"], preload=False)

    def test_results_of_cpython_are_read(self) -> None:
        results = cpython.read(LOG, ElementTree.fromstring(REPORT))
        self.assertEqual(
            results.modules,
            {"test_array": "passed", "test_gc": "failed", "test_ctypes": "crashed", "test_winreg": "skipped"},
        )
        self.assertEqual(list(results.cases.values()), ["passed", "skipped", "failed", "failed"])

    def test_results_of_cpython_are_compared(self) -> None:
        def results(array: str, good: str, bad: str) -> cpython.Results:
            cases = {"test.test_array.Case.test_good": good, "test.test_array.Case.test_bad": bad}
            return cpython.Results({"test_array": array}, cases)

        stock = results("failed", "passed", "failed")
        self.assertEqual(stock.worse_than(stock), {})
        self.assertEqual(results("passed", "passed", "passed").worse_than(stock), {})
        for now in ("failed", "skipped"):
            self.assertEqual(list(results("failed", now, "failed").worse_than(stock)), ["test_array"])
        self.assertEqual(list(cpython.Results().worse_than(stock)), ["test_array"])
        self.assertEqual(stock.without(["test_bad"]).cases, {"test.test_array.Case.test_good": "passed"})
        good = results("passed", "passed", "failed")
        self.assertEqual(list(results("crashed", "passed", "failed").worse_than(good)), ["test_array"])
        worst = cpython.Results.worst([results("passed", "passed", "failed"), results("passed", "failed", "passed")])
        self.assertEqual(worst, results("passed", "failed", "failed"))
