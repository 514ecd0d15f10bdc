"""The example `probe` of our crate, as a server and as a client."""

import os
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def probe() -> pathlib.Path:
    """The release build that the test command makes, or the one that TESTED_PROBE names."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    path = pathlib.Path(os.environ.get("TESTED_PROBE", target / "release/examples/probe"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: cargo build --release -p planet-thrift --example probe")
    return path


class ProbeServer:
    """Our server; a context manager that ends it."""

    def __enter__(self) -> "ProbeServer":
        self.process = subprocess.Popen(
            [probe(), "serve", "127.0.0.1:0", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        urls = [self.process.stdout.readline().strip() for _ in range(2)]
        #: Where it is, by transport.
        self.addresses = dict(zip(("framed", "http"), (url.split("://")[1] for url in urls), strict=True))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def call(transport: str, target: str, protocol: str) -> subprocess.CompletedProcess:
    """Has our client call every method, and gives how that ended."""
    command = [probe(), "call", transport, target, protocol]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
