"""Bad peers of the WebSocket transport."""

import json
import time
import zlib

from hostile.raw import BINARY, RawSocket
from hostile.witness import MIB, HostileTest

CONNECT = b'{"id":1,"connect":{}}'


class WebSocket(HostileTest):
    """Frames that break the rules, and readers that do not read."""

    def raw(self, compress: bool = False) -> RawSocket:
        socket = RawSocket(self.server.port, compress=compress)
        self.addCleanup(socket.socket.close)
        return socket

    def test_text_that_is_not_utf_8(self) -> None:
        for text in (b'{"id":1,"connect":{"name":"\xff"}}', b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            with self.subTest(text=text):
                socket = self.raw()
                socket.send(text)
                self.assertEqual(socket.close_code(), 1007)

    def test_deflate_bomb(self) -> None:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = compressor.compress(b" " * (256 * MIB)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        self.assertLess(len(bomb), MIB)
        with self.memory_bounded(16):
            for _ in range(20):
                socket = self.raw(compress=True)
                self.assertTrue(socket.compressed)
                # In pieces that are each below the limit of a frame, and as a whole above it.
                pieces = [bomb[at : at + 60_000] for at in range(0, len(bomb), 60_000)]
                try:
                    for number, piece in enumerate(pieces):
                        opcode, last = (1 if number == 0 else 0), number == len(pieces) - 1
                        socket.send(piece, opcode, final=last, compressed=number == 0)
                except ConnectionError:
                    pass
                self.assertIn(socket.close_code(), (1009, 1006))

    def test_message_of_endless_fragments(self) -> None:
        socket = self.raw()
        with self.memory_bounded(16):
            try:
                for number in range(10_000):
                    socket.send(b" " * 1000, 1 if number == 0 else 0, final=False)
            except ConnectionError:
                pass
            self.assertIn(socket.close_code(), (1009, 1006))

    def test_frame_that_claims_to_be_huge(self) -> None:
        socket = self.raw()
        with self.memory_bounded(4):
            socket.socket.sendall(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00 ")
            self.assertEqual(socket.close_code(), 1009)

    def test_frame_without_a_mask(self) -> None:
        socket = self.raw()
        socket.send(CONNECT, masked=False)
        self.assertEqual(socket.close_code(), 1002)

    def test_compressed_frame_that_was_not_agreed_on(self) -> None:
        socket = self.raw()
        socket.send(CONNECT, compressed=True)
        self.assertEqual(socket.close_code(), 1002)

    def test_binary_message(self) -> None:
        socket = self.raw()
        socket.send(b"\x00\x01", BINARY)
        self.assertEqual(socket.close_code(), 3501)

    def test_connection_that_sends_no_command(self) -> None:
        socket = self.raw()
        self.assertEqual(socket.close_code(), 3502)

    def test_reader_that_never_reads(self) -> None:
        channel = "flood:never"
        reader = self.raw()
        reader.send(CONNECT + b'\n{"id":2,"subscribe":{"channel":"flood:never"}}')
        seen = ""
        while '"id":2' not in seen:
            seen += reader.read_text()
        good = self.client(channel)
        payload = "x" * 60_000
        with self.memory_bounded(32):
            # Many times what the reader's queue and the kernel's buffers hold.
            for number in range(1000):
                self.server.publish(channel, {"number": number, "payload": payload})
                self.assertEqual(good.next_publication()["number"], number)
        self.assertEqual(self.server.publish(channel, "end"), 1, "the reader that does not read is gone")
        self.assertEqual(good.next_publication(), "end")

    def test_slow_reader_that_prefers_gaps_is_told_of_them(self) -> None:
        reader = self.raw()
        reader.send(CONNECT + b'\n{"id":2,"subscribe":{"channel":"dropping:slow"}}')
        seen = ""
        while '"id":2' not in seen:
            seen += reader.read_text()
        with self.memory_bounded(32):
            for number in range(300):
                self.server.publish("dropping:slow", {"number": number, "payload": "x" * 60_000})
        offsets, dropped, last = [], 0, 0
        while last < 300:
            for line in filter(None, reader.read_text().split("\n")):
                push = json.loads(line).get("push", {})
                if "pub" in push:
                    last = push["pub"]["offset"]
                    offsets.append(last)
                elif "message" in push:
                    dropped += push["message"]["data"]["gap"]["dropped"]
        self.assertEqual(offsets, sorted(set(offsets)))
        self.assertGreater(dropped, 0)
        self.assertEqual(len(offsets) + dropped, 300, "every message came or was said to be missing")

    def test_sockets_that_vanish(self) -> None:
        with self.memory_bounded(32):
            for _ in range(300):
                socket = self.raw()
                socket.send(CONNECT + b'\n{"id":2,"subscribe":{"channel":"vanish"}}')
                socket.socket.close()
        deadline = time.monotonic() + 20
        while self.server.publish("vanish", 1) > 0:
            self.assertLess(time.monotonic(), deadline, "connections that are gone are still subscribed")
