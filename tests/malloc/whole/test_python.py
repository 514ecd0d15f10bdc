"""All of CPython's own tests."""

from malloc.comparison import AS_USUAL, DIRECTLY, THROUGH_MALLOC, PythonTest


class Python(PythonTest):
    def test_all_modules(self) -> None:
        self.compare([AS_USUAL, THROUGH_MALLOC, DIRECTLY])
