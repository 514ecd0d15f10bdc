"""The scenario `server`: an asyncio server that answers 2,000 requests a second, with three spikes of memory between.

Its clients are a process of their own, on the system's allocator: `server.py PORT`, which says how many it had
answered. The server serves on while its memory is looked at.
"""

import asyncio
import json
import os
import sys

RATE = 2000
CONNECTIONS = 20
SPIKES = 3
SECONDS_BETWEEN = 1.5


class Session(asyncio.Protocol):
    """Answers each line of JSON with one, and keeps the last answers of each user."""

    kept = {}

    def __init__(self, block):
        self.block = block
        self.unread = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            number = request["number"]
            self.kept[number % 1000] = self.block(number)
            answer = {"to": request["user"], "items": [str(number + i) for i in range(10)]}
            self.transport.write(json.dumps(answer).encode() + b"\n")


async def serve(block, live, trim):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(block), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONMALLOC")}
    arguments = [sys.executable, os.path.abspath(__file__), str(port)]
    clients = await asyncio.create_subprocess_exec(*arguments, env=plain, stdout=asyncio.subprocess.PIPE)
    ended = asyncio.Event()
    loop.add_reader(0, ended.set)
    try:
        for _ in range(SPIKES):
            await asyncio.sleep(SECONDS_BETWEEN)
            spike = [block(n) for n in range(100_000)]
            del spike
            trim(0)
        print("idle", live(Session.kept), flush=True)
        await ended.wait()
    finally:
        clients.terminate()
        answered, _ = await clients.communicate()
    seconds, count = map(float, answered.split())
    if count < RATE * seconds * 0.8:
        raise SystemExit(f"answered {count:.0f} requests in {seconds:.1f} s, not {RATE} a second")


def main(block, live, trim):
    asyncio.run(serve(block, live, trim))


async def ask(port):
    loop = asyncio.get_running_loop()
    began = loop.time()
    answered = 0

    async def client(number):
        nonlocal answered
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            await asyncio.sleep(began + number / RATE - loop.time())
            number += CONNECTIONS
            writer.write(b'{"user": "user %d", "number": %d}\n' % (number, number))
            if not await reader.readline():
                return
            answered += 1

    clients = asyncio.gather(*map(client, range(CONNECTIONS)))
    stop = asyncio.Event()
    loop.add_signal_handler(15, stop.set)
    await asyncio.wait([clients, asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    print(loop.time() - began, answered, flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(ask(int(sys.argv[1])))
