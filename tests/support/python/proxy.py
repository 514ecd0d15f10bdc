"""A TCP proxy between a client and the server, whose connections a test cuts as a bad network would."""

import asyncio


class Proxy:
    """Listens on a free port of the loopback interface; an async context manager."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._accepting = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.websocket_url = f"ws://127.0.0.1:{self.port}/connection/websocket"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.block()
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self._accepting:
                back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._target)
                self._writers.add(back_writer)
                try:
                    await asyncio.gather(self._copy(reader, back_writer), self._copy(back_reader, writer))
                finally:
                    self._writers.discard(back_writer)
                    back_writer.close()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    def cut(self) -> int:
        """Cuts all connections without a word and gives how many sockets that were."""
        for writer in self._writers:
            writer.transport.abort()
        return len(self._writers)

    def block(self) -> int:
        """Cuts everything and lets nothing new through, until `restore`."""
        self._accepting = False
        return self.cut()

    def restore(self) -> None:
        self._accepting = True
