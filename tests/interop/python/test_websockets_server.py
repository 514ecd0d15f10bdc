"""PyPI websockets as the server of Planet's own WebSocket client."""

import unittest

import websockets

from support.python.probe import ECHOED, echo


class WebsocketsServer(unittest.IsolatedAsyncioTestCase):
    """Round trips with an echo server."""

    async def echo(self, *arguments: str, in_fragments: bool = False, closes: bool = False, **options):
        """The client's report, and the server's end of the connection when it is over."""
        connections = []

        async def handle(socket):
            connections.append(socket)
            self.assertGreaterEqual(await (await socket.ping(b"are you there")), 0)
            async for message in socket:
                if closes and message == "close":
                    return await socket.close(4001, "enough")
                if in_fragments and len(message) > 2:
                    cut = len(message) // 3
                    await socket.send([message[:cut], message[cut : 2 * cut], message[2 * cut :]])
                else:
                    await socket.send(message)

        async with websockets.serve(handle, "127.0.0.1", 0, max_size=2**21, **options) as server:
            port = server.sockets[0].getsockname()[1]
            lines = await echo(f"ws://127.0.0.1:{port}/", *arguments)
            await connections[0].wait_closed()
        return lines, connections[0]

    async def test_round_trips(self) -> None:
        for compression in (None, "deflate"):
            for in_fragments in (False, True):
                with self.subTest(compression=compression, in_fragments=in_fragments):
                    lines, socket = await self.echo(
                        *(["--deflate"] if compression else []), compression=compression, in_fragments=in_fragments
                    )
                    agreed = "compressed true" if compression else "compressed false"
                    expected = [agreed, "subprotocol -", *ECHOED, "ponged", "closed by the client"]
                    self.assertEqual(lines, expected)
                    self.assertEqual((socket.close_code, socket.close_reason), (1000, "done"))

    async def test_subprotocol_and_header(self) -> None:
        lines, socket = await self.echo(
            "--subprotocol", "v1", "--subprotocol", "v2", "--header", "X-Test: yes", subprotocols=["v2"]
        )
        self.assertEqual(lines[1], "subprotocol v2")
        self.assertEqual(socket.request.headers["X-Test"], "yes")

    async def test_close_of_the_server(self) -> None:
        lines, socket = await self.echo(closes=True)
        self.assertEqual(lines[-1], "closed by the server 4001 (enough)")
        self.assertEqual(socket.close_code, 4001)

    async def test_refusal_is_told(self) -> None:
        with self.assertRaisesRegex(AssertionError, "403"):
            await self.echo(process_request=lambda connection, _: connection.respond(403, "no"))
