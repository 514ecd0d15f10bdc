"""All of CPython's own tests."""

from malloc.comparison import PythonTest


class Python(PythonTest):
    def test_all_modules(self) -> None:
        self.compare()
