"""A well-behaved connection that has to go on whatever the others do."""

import contextlib
import json
import unittest
from collections.abc import Iterator
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from support.python.planet import Server

MIB = 1 << 20


class HostileTest(unittest.TestCase):
    """Starts a server with small limits and checks after each test that it took no harm."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(Path(__file__).parent / "limits.toml")
        cls.addClassCleanup(cls.server.close)

    def setUp(self) -> None:
        self.witness = self.client("witness")
        self.addCleanup(self.witness.close)
        self.before = self.server.resident_bytes()

    def tearDown(self) -> None:
        self.assert_unharmed()

    def assert_unharmed(self) -> None:
        """The witness is still connected and gets what is published, and the server is well."""
        self.assertEqual(self.server.publish("witness", "still there"), 1)
        self.assertEqual(self.witness.next_publication(), "still there")
        self.assertTrue(self.server.is_healthy())
        self.assertIsNone(self.server.process.poll())

    @contextlib.contextmanager
    def memory_bounded(self, mebibytes: int) -> Iterator[None]:
        """What happens inside makes the server's memory grow by that much at most."""
        before = self.server.resident_bytes()
        yield
        grown = self.server.resident_bytes() - before
        self.assertLess(grown, mebibytes * MIB, f"grown by {grown / MIB:.1f} MiB")

    def client(self, *channels: str, **connect_request: object) -> "Client":
        """A connected client, subscribed to these channels."""
        client = Client(self.server, **connect_request)
        self.addCleanup(client.close)
        for channel in channels:
            self.assertNotIn("error", client.ask("subscribe", channel=channel))
        return client


class Client:
    """The protocol over PyPI websockets."""

    def __init__(self, server: Server, **connect_request: object) -> None:
        self.socket: ClientConnection = connect(
            server.websocket_url, proxy=None, open_timeout=30, close_timeout=1, max_size=None
        )
        self.frames: list[dict] = []
        self._last_id = 0
        self.greeting = self.ask("connect", **connect_request)

    def ask(self, method: str, **request: object) -> dict:
        """The answer to one command."""
        self._last_id += 1
        self.socket.send(json.dumps({"id": self._last_id, method: request}))
        return self.next_frame(lambda frame: frame.get("id") == self._last_id)

    def next_frame(self, wanted) -> dict:
        """The first frame that is wanted; the ones that come before it are kept."""
        while True:
            for at, frame in enumerate(self.frames):
                if wanted(frame):
                    return self.frames.pop(at)
            message = self.socket.recv(timeout=30)
            if message == "{}":
                self.socket.send("{}")
            self.frames += [json.loads(line) for line in message.split("\n") if line and line != "{}"]

    def next_publication(self) -> object:
        """What was published next."""
        return self.next_frame(lambda frame: "pub" in frame.get("push", {}))["push"]["pub"]["data"]

    def close(self) -> None:
        self.socket.close()
