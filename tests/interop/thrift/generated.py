"""What Debian's thrift compiler makes of our interface files, as Python modules."""

import atexit
import importlib
import pathlib
import subprocess
import sys
import tempfile
import types

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
PROBE = REPOSITORY / "crates/thrift/idl/probe.thrift"
BACKEND = REPOSITORY / "crates/beacon/thrift/backend_service.thrift"

_folder = tempfile.TemporaryDirectory(prefix="planet-thrift-")
atexit.register(_folder.cleanup)


def module(interface: pathlib.Path, package: str, name: str) -> types.ModuleType:
    """Compiles an interface file, and imports `name` of its `package`."""
    subprocess.run(["thrift", "--gen", "py", "-out", _folder.name, interface], check=True)
    if _folder.name not in sys.path:
        sys.path.insert(0, _folder.name)
    importlib.invalidate_caches()
    return importlib.import_module(f"{package}.{name}")
