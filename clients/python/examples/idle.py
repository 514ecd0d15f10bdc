"""A service that gives its memory back as soon as it has nothing to do.

    PLANET_MALLOC_BACKGROUND=0 python -m planet.run examples/idle.py

Usually the allocator sees to that by a thread of its own, within a second. A service that cannot have such a thread,
and one that knows best when it is idle, call `release` themselves.

Each line that a client sends is a number, answered with the sum of as many squares, for which all of them are in memory
at once; or `stats`, answered with what the service holds.
"""

import asyncio

from planet import memory

IDLE_AFTER = 0.2
MOST_SQUARES = 5_000_000


class Service:
    def __init__(self) -> None:
        self._idle: asyncio.TimerHandle | None = None
        self._releasing: asyncio.Task[None] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(f"{self.answer(line.decode().strip())}\n".encode())
            await writer.drain()
            if self._idle is not None:
                self._idle.cancel()
            self._idle = asyncio.get_running_loop().call_later(IDLE_AFTER, self.release)
        writer.close()

    def answer(self, request: str) -> str:
        if request == "stats":
            stats = memory.stats()
            return f"{stats.live} live, {stats.resident} resident, {stats.returned} returned"
        if not request.isdecimal() or int(request) > MOST_SQUARES:
            return f"a number up to {MOST_SQUARES}, please, or `stats`"
        return str(sum([number * number for number in range(int(request))]))

    def release(self) -> None:
        # In a thread, so that requests that come meanwhile do not wait. The task is kept, or it might be collected.
        self._releasing = asyncio.create_task(self.release_now())

    async def release_now(self) -> None:
        print(f"idle: {await asyncio.to_thread(memory.release)} bytes go back", flush=True)


async def main() -> None:
    server = await asyncio.start_server(Service().serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"listening on {host} {port}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
