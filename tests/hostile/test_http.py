"""Bad peers of the HTTP server."""

import re
import socket
import time

from hostile.witness import HostileTest

# Far above the limits of a second that the configuration sets, for a machine that is busy.
PATIENCE = 20


class Http(HostileTest):
    """Requests that are slow, large, or none."""

    def dial(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def answer(self, request: bytes) -> int:
        """The status that a request is answered with; 0 when the connection ends without an answer."""
        connection = self.dial()
        try:
            connection.sendall(request)
        except ConnectionError:
            # The server may answer and close before it has been told everything.
            pass
        return status(read_all(connection))

    def drip(self, start: bytes, more: bytes) -> bytes:
        """Sends a byte now and then until the server has had enough, and gives what it said."""
        connection = self.dial()
        connection.sendall(start)
        connection.settimeout(0.05)
        said, deadline = b"", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                connection.sendall(more)
                chunk = connection.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:
                return said
            if not chunk:
                return said
            said += chunk
        raise AssertionError("the server was still patient")

    def test_head_that_never_ends(self) -> None:
        said = self.drip(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"a")
        self.assertIn(status(said), (0, 408))

    def test_body_that_never_ends(self) -> None:
        head = b"POST /connection/http_stream HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
        self.assertIn(status(self.drip(head, b" ")), (0, 408))

    def test_rest_body_that_never_ends(self) -> None:
        head = (
            b"POST /1.0.0/interop_app/channels/witness HTTP/1.1\r\nHost: a\r\n"
            b"X-Beacon-Secret-Key: interop_secret_key\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self.assertIn(status(self.drip(head, b"1\r\n1\r\n")), (0, 408))

    def test_connection_that_says_nothing(self) -> None:
        self.assertIn(status(read_all(self.dial())), (0, 408))

    def test_many_slow_heads_at_once(self) -> None:
        slow = [self.dial() for _ in range(500)]
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        self.assert_unharmed()
        for connection in slow:
            self.assertIn(status(read_all(connection)), (0, 408))

    def test_10_000_connects_and_disconnects(self) -> None:
        with self.memory_bounded(32):
            for _ in range(10_000):
                socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE).close()
        self.assert_unharmed()

    def test_1_000_half_handshakes(self) -> None:
        upgrade = (
            b"GET /connection/websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with self.memory_bounded(32):
            for _ in range(1000):
                with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
                    connection.sendall(upgrade)

    def test_head_too_large(self) -> None:
        fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(20))
        self.assertEqual(self.answer(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"), 431)

    def test_too_many_header_fields(self) -> None:
        fields = b"".join(b"X-%d: a\r\n" % number for number in range(200))
        self.assertEqual(self.answer(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"), 431)

    def test_url_too_long(self) -> None:
        self.assertEqual(self.answer(b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"), 414)

    def test_body_too_large(self) -> None:
        for path in (b"/connection/http_stream", b"/emulation", b"/connection/long_poll"):
            with self.subTest(path=path):
                head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
                self.assertEqual(self.answer(head), 413)

    def test_what_is_not_http(self) -> None:
        for garbage in (b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET\r\n\r\n"):
            with self.subTest(garbage=garbage[:10]):
                self.assertIn(self.answer(garbage), (0, 400))

    def test_two_lengths(self) -> None:
        # One way of smuggling a request past a proxy (RFC 9112, section 11.2).
        request = b"POST /emulation HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}    "
        self.assertEqual(self.answer(request), 400)

    def test_body_that_is_not_utf_8(self) -> None:
        # A transport says so in its own way: with a disconnect, and nothing after it.
        for path, expected in (
            (b"/connection/http_stream", (200, True)),
            (b"/connection/long_poll", (200, True)),
            (b"/emulation", (400, False)),
        ):
            with self.subTest(path=path):
                head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
                connection = self.dial()
                connection.sendall(head + b'"\xff"\n')
                said = b""
                while chunk := connection.recv(1 << 16):
                    said += chunk
                self.assertEqual((status(said), b'"code":3501' in said), expected)


def read_all(connection: socket.socket) -> bytes:
    """What the server says until it ends the connection."""
    said = b""
    try:
        while chunk := connection.recv(1 << 16):
            said += chunk
            # An answer may leave the connection open for the next request.
            if status(said) and b"\r\n\r\n" in said:
                break
    except ConnectionError:
        pass
    return said


def status(said: bytes) -> int:
    """The status of an answer; 0 without one."""
    found = re.match(rb"HTTP/1\.[01] (\d{3})", said)
    return int(found[1]) if found else 0
