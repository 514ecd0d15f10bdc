"""PyPI's thrift, with code of Debian's compiler, calls `BackendService` of a running `planet serve`."""

import asyncio
import json
import unittest
import urllib.request

import websockets
from thrift.Thrift import TApplicationException

from interop.thrift import generated
from interop.thrift.transports import PROTOCOLS, framed
from support.python.planet import API_KEY, Server
from support.python.wait import until

backend = generated.module(generated.BACKEND, "planet_backend", "BackendService")


class Backend(unittest.IsolatedAsyncioTestCase):
    """What an old back end relies on."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.address = cls.server.find_line(r"Thrift +127\.0\.0\.1:\d+", 30).split()[1]

    def client(self, protocol: str = "binary") -> "backend.Client":
        transport = framed(self.address)
        transport.open()
        self.addCleanup(transport.close)
        return backend.Client(PROTOCOLS[protocol].getProtocol(transport))

    async def subscriber(self, user: str, token: str, channel: str):
        """A connection of the user that is subscribed."""
        socket = await websockets.connect(self.server.websocket_url)
        self.addAsyncCleanup(socket.close)
        await socket.send(json.dumps({"id": 1, "connect": {"token": token, "data": {"user": user}}}))
        await socket.send(json.dumps({"id": 2, "subscribe": {"channel": channel}}))
        await self.next(socket, lambda line: line.get("id") == 2 and "subscribe" in line)
        return socket

    async def next(self, socket, is_wanted):
        """The next line that is wanted."""
        async with asyncio.timeout(15):
            while True:
                for text in (await socket.recv()).splitlines():
                    line = json.loads(text)
                    if line and is_wanted(line):
                        return line

    async def test_a_day_in_the_life(self) -> None:
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                await self.a_day_in_the_life(self.client(protocol), f"julia.{protocol}", f"chat:thrift.{protocol}")

    async def a_day_in_the_life(self, client: "backend.Client", user: str, channel: str) -> None:
        socket = await self.subscriber(user, client.generateToken(user, API_KEY), channel)
        self.assertEqual(client.getUsersInChannel(channel, "default"), [user])
        self.assertEqual(client.getUsersOnline(["nobody", user], "default"), [user])
        self.assertEqual(client.getNumUsersOnline("default"), 1)

        message = {"name": "hello", "data": ["Ω", 1.5, None]}
        self.assertEqual(client.sendChannelMessage([channel, "empty"], json.dumps(message), "default"), 1)
        line = await self.next(socket, lambda line: "pub" in line.get("push", {}))
        self.assertEqual((line["push"]["channel"], line["push"]["pub"]["data"]), (channel, message))

        self.assertEqual(client.sendUserMessage([user, "nobody"], "not json", "default"), 1)
        line = await self.next(socket, lambda line: "message" in line.get("push", {}))
        self.assertEqual(line["push"]["message"]["data"], "not json")

        client.logout(user, "default")
        with self.assertRaises(websockets.ConnectionClosed) as raised:
            await self.next(socket, lambda _: False)
        self.assertEqual(raised.exception.rcvd.code, 3503)
        await until("the user is gone", lambda: client.getUsersOnline([user], "default") == [])
        self.assertEqual(client.getNumUsersOnline("default"), 0)

    def test_refusals_are_exceptions_and_leave_the_connection_usable(self) -> None:
        client = self.client("old")
        for call in (
            lambda: client.sendChannelMessage(["chat"], "1", "no such app"),
            lambda: client.sendChannelMessage(["not a name"], "1", "default"),
            lambda: client.sendUserMessage(["julia"], "1" * 1_000_000, "default"),
        ):
            with self.assertRaises(TApplicationException):
                call()
        self.assertEqual(client.sendChannelMessage(["chat"], "1", "default"), 0)

    def test_metrics_count_the_calls(self) -> None:
        client = self.client()
        client.getNumUsersOnline("default")
        with urllib.request.urlopen(f"{self.server.url}/metrics", timeout=20) as response:
            text = response.read().decode()
        self.assertRegex(text, r'planet_thrift_calls_total\{end="answered"\} [1-9]')
        self.assertRegex(text, r"planet_thrift_connections [1-9]")


class Stopping(unittest.TestCase):
    """A server that stops."""

    def test_idle_thrift_connections_do_not_hold_it_up(self) -> None:
        with Server() as server:
            transport = framed(server.find_line(r"Thrift +127\.0\.0\.1:\d+", 30).split()[1])
            transport.open()
            self.addCleanup(transport.close)
            client = backend.Client(PROTOCOLS["compact"].getProtocol(transport))
            self.assertEqual(client.getNumUsersOnline("default"), 0)
            self.assertEqual(server.stop(), 0)
            self.assertIn("every connection was ended in order", server.output)
