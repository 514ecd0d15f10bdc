"""Builds the allocator's library with cargo and puts it into the wheel."""

import json
import pathlib
import shutil
import subprocess
import sys
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "planet-malloc-preload"
LIBRARY = "src/planet/libplanet_malloc.so"


class CargoBuild(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            raise RuntimeError(
                "the library is built from the whole repository: make a wheel, with `pip wheel --no-deps .`"
            )
        # Elsewhere there is no library, and programs run without it.
        if sys.platform == "linux":
            # Copied here and not only into the wheel, so that an editable installation has it too.
            shutil.copyfile(self.build_library(), pathlib.Path(self.root, LIBRARY))
            build_data["artifacts"].append(LIBRARY)
            build_data["pure_python"] = False
            # Any Python 3 on this kind of machine: the library knows nothing of Python.
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def build_library(self) -> str:
        """Gives the path of the library that cargo made."""
        command = ["cargo", "build", "--release", "--package", PACKAGE, "--message-format", "json-render-diagnostics"]
        if shutil.which("cargo") is None:
            raise RuntimeError("cargo is missing, which builds the library; install Rust as https://rustup.rs says")
        built = subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise RuntimeError(f"`{' '.join(command)}` ended with {built.returncode}; what it says is above")
        for message in map(json.loads, built.stdout.splitlines()):
            if message["reason"] == "compiler-artifact" and message["target"]["kind"] == ["cdylib"]:
                library: str = message["filenames"][0]
                return library
        raise RuntimeError(f"cargo says that {PACKAGE} is built, and names no library")
