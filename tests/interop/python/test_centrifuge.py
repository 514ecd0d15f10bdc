"""PyPI centrifuge-python over WebSocket."""

import asyncio
import unittest

from centrifuge import (
    CentrifugeError,
    Client,
    ClientEventHandler,
    ClientState,
    ReplyError,
    StreamPosition,
    SubscriptionEventHandler,
)

from support.python.planet import Server
from support.python.proxy import Proxy
from support.python.tokens import in_seconds, jwt
from support.python.wait import until


class Events(ClientEventHandler):
    """Notes what a client tells its program."""

    def __init__(self) -> None:
        self.connected = []
        self.connecting = []
        self.disconnected = []
        self.subscribed = []
        self.publications = []

    async def on_connected(self, ctx) -> None:
        self.connected.append(ctx)

    async def on_connecting(self, ctx) -> None:
        self.connecting.append(ctx)

    async def on_disconnected(self, ctx) -> None:
        self.disconnected.append(ctx)

    async def on_subscribed(self, ctx) -> None:
        self.subscribed.append(ctx)

    async def on_publication(self, ctx) -> None:
        self.publications.append(ctx.pub)


class ChannelEvents(SubscriptionEventHandler):
    """Notes what a subscription tells its program."""

    def __init__(self) -> None:
        self.subscribed = []
        self.unsubscribed = []
        self.publications = []
        self.joined = []
        self.left = []

    async def on_subscribed(self, ctx) -> None:
        self.subscribed.append(ctx)

    async def on_unsubscribed(self, ctx) -> None:
        self.unsubscribed.append(ctx)

    async def on_publication(self, ctx) -> None:
        self.publications.append(ctx.pub)

    async def on_join(self, ctx) -> None:
        self.joined.append(ctx.info)

    async def on_leave(self, ctx) -> None:
        self.left.append(ctx.info)


class CentrifugePython(unittest.IsolatedAsyncioTestCase):
    """What its users rely on, against a running server."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)

    async def connect(self, user: str | None = None, address: str | None = None, **options) -> Client:
        """A connected client, disconnected when the test ends."""
        client = self.client(user, address, **options)
        await client.connect()
        await client.ready(timeout=15)
        return client

    def client(self, user: str | None = None, address: str | None = None, **options) -> Client:
        if user is not None:
            options["token"] = jwt(sub=user, exp=in_seconds(300))
        address = address or self.server.websocket_url
        client = Client(address, events=Events(), min_reconnect_delay=0.02, max_reconnect_delay=0.2, proxy=None, **options)
        self.addAsyncCleanup(client.disconnect)
        return client

    async def subscribe(self, client: Client, channel: str, **options):
        """A subscription that is in place; `sub.seen` collects what it tells."""
        seen = ChannelEvents()
        sub = client.new_subscription(channel, events=seen, **options)
        sub.seen = seen
        await sub.subscribe()
        await sub.ready(timeout=15)
        return sub

    async def test_publishes_and_receives(self) -> None:
        julia, romeo = await self.connect("julia"), await self.connect("romeo")
        sub = await self.subscribe(julia, "chat:py.pair")
        own = await self.subscribe(romeo, "chat:py.pair")
        messages = ["text", 42, True, ["list", {"deep": [1.5]}], {"emoji": "🪐", "line": "a\nb"}]
        for data in messages:
            await own.publish(data)
        await until("every message arrives", lambda: len(sub.seen.publications) == len(messages))
        self.assertEqual([publication.data for publication in sub.seen.publications], messages)
        self.assertEqual([publication.offset for publication in sub.seen.publications], [1, 2, 3, 4, 5])
        self.assertEqual({publication.info.user for publication in sub.seen.publications}, {"romeo"})

    async def test_presence(self) -> None:
        clients = [await self.connect("julia"), await self.connect("julia"), await self.connect("romeo")]
        subs = [await self.subscribe(client, "chat:py.presence") for client in clients]
        presence = await subs[0].presence()
        self.assertEqual(sorted(info.user for info in presence.clients.values()), ["julia", "julia", "romeo"])
        stats = await subs[0].presence_stats()
        self.assertEqual((stats.num_clients, stats.num_users), (3, 2))

    async def test_history(self) -> None:
        sub = await self.subscribe(await self.connect(), "chat:py.history")
        for number in range(1, 6):
            await sub.publish(number)

        async def numbers(**options) -> list[int]:
            return [publication.data for publication in (await sub.history(**options)).publications]

        top = await sub.history()
        self.assertEqual((top.offset, top.publications), (5, []))
        self.assertEqual(await numbers(limit=100), [1, 2, 3, 4, 5])
        self.assertEqual(await numbers(limit=2), [1, 2])
        self.assertEqual(await numbers(limit=2, reverse=True), [5, 4])
        self.assertEqual(await numbers(limit=100, since=StreamPosition(3, top.epoch)), [4, 5])

    async def test_join_and_leave(self) -> None:
        sub = await self.subscribe(await self.connect("julia"), "chat:py.doors", join_leave=True)
        romeo = await self.connect("romeo")
        await self.subscribe(romeo, "chat:py.doors")
        users = lambda infos: [info.user for info in infos if info.user == "romeo"]
        await until("romeo joins", lambda: users(sub.seen.joined))
        await romeo.disconnect()
        await until("romeo leaves", lambda: users(sub.seen.left))
        self.assertEqual((users(sub.seen.joined), users(sub.seen.left)), (["romeo"], ["romeo"]))

    async def test_server_side_subscription(self) -> None:
        token = jwt(sub="julia", exp=in_seconds(300), channels=["private:py"])
        client = await self.connect(token=token)
        await until("the server subscribes it", lambda: client.events.subscribed)
        self.assertEqual(client.events.subscribed[0].channel, "private:py")
        self.server.publish("private:py", "only for you")
        await until("the message arrives", lambda: client.events.publications)
        self.assertEqual([publication.data for publication in client.events.publications], ["only for you"])

    async def test_recovery(self) -> None:
        async with Proxy(self.server.port) as proxy:
            client = await self.connect(address=proxy.websocket_url)
            sub = await self.subscribe(client, "chat:py.recovery")
            self.server.publish("chat:py.recovery", 1)
            await until("the first message arrives", lambda: len(sub.seen.publications) == 1)
            self.assertGreater(proxy.block(), 0)
            await until("the client notices", lambda: client.state == ClientState.CONNECTING)
            for number in range(2, 8):
                self.server.publish("chat:py.recovery", number)
            proxy.restore()
            await until("it is back", lambda: len(sub.seen.subscribed) == 2)
            self.assertTrue(sub.seen.subscribed[1].was_recovering and sub.seen.subscribed[1].recovered)
            self.server.publish("chat:py.recovery", 8)
            await until("the last message arrives", lambda: sub.seen.publications[-1].data == 8)
            self.assertEqual([publication.data for publication in sub.seen.publications], list(range(1, 9)))
            await client.disconnect()

    async def test_gap(self) -> None:
        async with Proxy(self.server.port) as proxy:
            client = await self.connect(address=proxy.websocket_url)
            sub = await self.subscribe(client, "brief:py.gap")
            self.server.publish("brief:py.gap", 1)
            await until("the first message arrives", lambda: len(sub.seen.publications) == 1)
            proxy.block()
            await until("the client notices", lambda: client.state == ClientState.CONNECTING)
            for number in range(2, 21):
                self.server.publish("brief:py.gap", number)
            proxy.restore()
            await until("it is back", lambda: len(sub.seen.subscribed) == 2)
            self.assertTrue(sub.seen.subscribed[1].was_recovering)
            self.assertFalse(sub.seen.subscribed[1].recovered)
            await client.disconnect()

    async def test_token_is_refreshed_without_losing_the_connection(self) -> None:
        first_ends = in_seconds(3)
        asked = []

        async def get_token() -> str:
            asked.append(True)
            return jwt(sub="julia", exp=first_ends if len(asked) == 1 else in_seconds(300))

        client = await self.connect(get_token=get_token)
        await until("a new token is asked for", lambda: len(asked) == 2)
        await until("the first token has ended", lambda: in_seconds(0) > first_ends)
        sub = await self.subscribe(client, "chat:py.refresh")
        await sub.publish("still here")
        await until("the message arrives", lambda: sub.seen.publications)
        self.assertEqual((len(asked), len(client.events.connected), client.events.disconnected), (2, 1, []))

    async def test_expired_token_is_replaced(self) -> None:
        asked = []

        async def get_token() -> str:
            asked.append(True)
            return jwt(sub="julia", exp=in_seconds(300))

        client = await self.connect(token=jwt(sub="julia", exp=in_seconds(-60)), get_token=get_token)
        self.assertEqual((len(asked), client.state), (1, ClientState.CONNECTED))

    async def test_forged_token_is_refused_for_good(self) -> None:
        client = self.client(token=jwt(key="x" * 40, sub="julia", exp=in_seconds(60)))
        await client.connect()
        await until("it is disconnected", lambda: client.events.disconnected)
        self.assertEqual(client.events.disconnected[0].code, 3500)

    async def test_permissions(self) -> None:
        client = await self.connect()
        for channel, code in (("members:py", 103), ("private:py", 103), ("elsewhere:py", 103), ("chat:no name", 107)):
            with self.subTest(channel=channel):
                seen = ChannelEvents()
                await client.new_subscription(channel, events=seen).subscribe()
                await until("it is refused", lambda: seen.unsubscribed)
                self.assertEqual(seen.unsubscribed[0].code, code)
        sub = await self.subscribe(client, "news:py")
        with self.assertRaises(ReplyError) as refused:
            await sub.publish("mine")
        self.assertEqual(refused.exception.code, 103)

    async def test_forced_logout_is_for_good(self) -> None:
        client = await self.connect("logout.py")
        self.assertEqual(self.server.api("DELETE", "/users/logout.py"), (204, None))
        await until("it is disconnected", lambda: client.events.disconnected)
        self.assertEqual(client.events.disconnected[0].code, 3503)
        with self.assertRaises(CentrifugeError):
            await client.publish("chat:py.late", "too late", timeout=1)

    async def test_many_at_once(self) -> None:
        client = await self.connect()
        sub = await self.subscribe(client, "chat:py.many")
        await asyncio.gather(*(sub.publish(number) for number in range(100)))
        await until("all arrive", lambda: len(sub.seen.publications) == 100)
        self.assertEqual([publication.data for publication in sub.seen.publications], list(range(100)))
