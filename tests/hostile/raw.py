"""A WebSocket client that does as it is told, right or wrong (RFC 6455)."""

import base64
import os
import re
import socket
import struct

TEXT, BINARY, CLOSE = 1, 2, 8


class RawSocket:
    """A TCP connection, upgraded; every byte after that is the test's."""

    def __init__(self, port: int, path: str = "/connection/websocket", compress: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if compress else ""
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{extension}\r\n".encode()
        )
        self._received = b""
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, self._received = self._received.split(b"\r\n\r\n", 1)
        if not re.match(rb"HTTP/1.1 101", head):
            raise AssertionError(f"not upgraded: {head.decode()}")
        self.compressed = b"permessage-deflate" in head.lower()

    def __enter__(self) -> "RawSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, payload: bytes, opcode: int = TEXT, final: bool = True, compressed: bool = False, masked=True) -> None:
        """Sends one frame."""
        self.socket.sendall(frame(payload, opcode, final, compressed, masked))

    def close_code(self) -> int:
        """Reads up to the close frame and gives its code; 1006 when the connection ends without one."""
        while True:
            try:
                opcode, payload = self._read_frame()
            except (ConnectionError, EOFError):
                return 1006
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0] if payload else 1005

    def read_text(self) -> str:
        """The next text message."""
        while True:
            opcode, payload = self._read_frame()
            if opcode == TEXT:
                return payload.decode()

    def _read_frame(self) -> tuple[int, bytes]:
        head = self._take(2)
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
        return head[0] & 0x0F, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            self._receive()
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _receive(self) -> None:
        chunk = self.socket.recv(1 << 16)
        if not chunk:
            raise EOFError("the connection has ended")
        self._received += chunk


def frame(payload: bytes, opcode: int, final: bool, compressed: bool, masked: bool) -> bytes:
    """One frame of a client."""
    first = (0x80 if final else 0) | (0x40 if compressed else 0) | opcode
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack(">BB", first, mask_bit | len(payload))
    elif len(payload) < 1 << 16:
        head = struct.pack(">BBH", first, mask_bit | 126, len(payload))
    else:
        head = struct.pack(">BBQ", first, mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    # A mask of zeros is a mask, and leaves the payload as it is.
    return head + bytes(4) + payload
