"""The build hook, where it does something else than building on Linux, of which the installed package is the proof."""

import importlib.util
import os
import pathlib
import sys
import unittest
from typing import Any
from unittest import mock

PROJECT = pathlib.Path(__file__).parent.parent


def initialize(target: str) -> dict[str, Any]:
    """What the hook adds to a build."""
    spec = importlib.util.spec_from_file_location("hatch_build", PROJECT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build_data: dict[str, Any] = {"artifacts": []}
    module.CargoBuild(str(PROJECT), {}, None, None, "", target).initialize("standard", build_data)
    return build_data


class Hook(unittest.TestCase):
    def test_another_system_gets_a_package_without_library(self) -> None:
        with mock.patch.object(sys, "platform", "darwin"):
            self.assertEqual(initialize("wheel"), {"artifacts": []})

    def test_without_cargo_it_says_how_to_get_it(self) -> None:
        with mock.patch.dict(os.environ, PATH="/nowhere"), self.assertRaisesRegex(RuntimeError, "cargo is missing"):
            initialize("wheel")

    def test_a_source_package_is_refused(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "make a wheel"):
            initialize("sdist")
