"""A `planet serve` that a test starts on a free port, with a data folder of its own, and ends by its process id."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

SUPPORT = pathlib.Path(__file__).parent.parent
REPOSITORY = SUPPORT.parent.parent
START_LIMIT = 30
STOP_LIMIT = 20

API_KEY = "interop_app"
SECRET_KEY = "interop_secret_key"
SIGN_KEY = "interop_sign_key_1"
HS256_SECRET = "interop_hs256_secret_of_32_or_more"


def binary() -> pathlib.Path:
    """The release build that the test command makes, or the one that TESTED_PLANET names."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    path = pathlib.Path(os.environ.get("TESTED_PLANET", target / "release/planet"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run cargo build --release, or set TESTED_PLANET")
    return path


class Server:
    """A running server; a context manager that ends it."""

    def __init__(self, config: pathlib.Path = SUPPORT / "planet.toml") -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="planet-test-"))
        # The files are made by the tests in JavaScript, which can sign for them.
        settings = [line for line in config.read_text().splitlines() if "_public_key" not in line]
        (self.folder / "planet.toml").write_text("\n".join(settings))
        self.lines: list[str] = []
        self._said = threading.Condition()
        self.process = subprocess.Popen(
            [binary(), "serve", "--config", "planet.toml", "--data", "data"]
            + ["--listen", "127.0.0.1:0", "--events", "127.0.0.1:0", "--thrift", "127.0.0.1:0"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self.find_line(r"http://127\.0\.0\.1:\d+", START_LIMIT)
        except BaseException:
            self.close()
            raise
        self.port = int(self.url.rsplit(":", 1)[1])
        self.websocket_url = self.url.replace("http", "ws") + "/connection/websocket"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()

    def find_line(self, pattern: str, limit: float) -> str:
        """Waits until the server prints something that matches, and gives what did."""
        deadline = time.monotonic() + limit
        with self._said:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found[0]
                if not self._said.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"the server did not print {pattern!r} but:\n{''.join(self.lines)}")

    @property
    def output(self) -> str:
        with self._said:
            return "".join(self.lines)

    def close(self) -> None:
        """Ends the server, whatever state it is in, and removes what it wrote."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> int:
        """Ends the server gracefully and gives its exit code."""
        self.process.terminate()
        return self.process.wait(STOP_LIMIT)

    def resident_bytes(self) -> int:
        """What the process holds in memory now."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def is_healthy(self) -> bool:
        """Whether the server answers, and has not said anything of a panic."""
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=10) as response:
            return response.status == 200 and "panicked" not in self.output

    def api(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, object]:
        """A REST request with the secret key; gives the status and the JSON of the answer."""
        request = urllib.request.Request(
            f"{self.url}/1.0.0/{API_KEY}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Beacon-Secret-Key": SECRET_KEY, "Content-Type": "application/json"} | headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    def publish(self, channel: str, data: object) -> int:
        """Publishes through REST; gives how many connections it was sent to."""
        status, body = self.api("POST", f"/channels/{channel}", data)
        if status != 200:
            raise AssertionError(f"publishing was answered with {status} {body}")
        return body["messages_sent"]
