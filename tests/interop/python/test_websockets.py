"""PyPI websockets: the protocol byte by byte, without a client library in between."""

import json
import unittest

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.python.planet import API_KEY, Server


class Websockets(unittest.IsolatedAsyncioTestCase):
    """Frames as the server sends and takes them."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)

    def connect(self, path: str = "/connection/websocket", **options):
        address = self.server.url.replace("http", "ws") + path
        return websockets.connect(address, proxy=None, open_timeout=15, **options)

    async def ask(self, socket, *commands: dict) -> list[dict]:
        """Sends a batch and gives its answers, passing over pushes and pings."""
        await socket.send("\n".join(map(json.dumps, commands)))
        answers = {}
        while len(answers) < len(commands):
            for frame in await self.frames(socket):
                if "id" in frame:
                    answers[frame["id"]] = frame
        return [answers[command["id"]] for command in commands]

    async def frames(self, socket) -> list[dict]:
        """The next message's frames; a ping is answered."""
        message = await socket.recv()
        self.assertIsInstance(message, str)
        frames = [json.loads(line) for line in message.split("\n") if line]
        if {} in frames:
            await socket.send("{}")
        return [frame for frame in frames if frame]

    async def test_plain_and_compressed(self) -> None:
        for compression in (None, "deflate"):
            with self.subTest(compression=compression):
                async with self.connect(compression=compression) as socket:
                    names = [extension.name for extension in socket.protocol.extensions]
                    self.assertEqual(names, ["permessage-deflate"] if compression else [])
                    channel = f"chat:raw.{compression}"
                    connected, subscribed = await self.ask(
                        socket, {"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": channel}}
                    )
                    self.assertEqual(connected["connect"]["pong"], True)
                    self.assertTrue(subscribed["subscribe"]["recoverable"])
                    text = "so much to say, " * 1000
                    self.assertEqual(self.server.publish(channel, text), 1)
                    pushes = await self.frames(socket)
                    self.assertEqual([push["push"]["pub"]["data"] for push in pushes], [text])

    async def test_fragmented_message(self) -> None:
        async with self.connect(compression=None) as socket:
            command = json.dumps({"id": 1, "connect": {"name": "zoë 🪐"}}, ensure_ascii=False).encode()
            # Cut in the middle of characters: only the whole message has to be UTF-8.
            await socket.send((command[at : at + 1] for at in range(len(command))), text=True)
            frames = await self.frames(socket)
            self.assertEqual(frames[0]["id"], 1)
            self.assertIn("client", frames[0]["connect"])

    async def test_ping_is_answered_with_its_text(self) -> None:
        async with self.connect() as socket:
            latency = await (await socket.ping(b"are you there"))
            self.assertGreaterEqual(latency, 0)

    async def test_close_is_answered(self) -> None:
        async with self.connect() as socket:
            await self.ask(socket, {"id": 1, "connect": {}})
            await socket.close(1000, "done")
            self.assertEqual(socket.close_code, 1000)

    async def test_binary_message_is_refused(self) -> None:
        async with self.connect() as socket:
            await socket.send(b"\x00\x01\x02")
            with self.assertRaises(ConnectionClosed) as closed:
                await socket.recv()
            self.assertEqual(closed.exception.rcvd.code, 3501)

    async def test_app_in_the_path(self) -> None:
        async with self.connect(f"/app/{API_KEY}/connection/websocket") as socket:
            (answer,) = await self.ask(socket, {"id": 1, "connect": {}})
            self.assertIn("client", answer["connect"])
        with self.assertRaises(InvalidStatus) as refused:
            await self.connect("/app/no_such_app/connection/websocket")
        self.assertEqual(refused.exception.response.status_code, 404)
