"""Clients that ask for more than they may."""

import json

from websockets.exceptions import ConnectionClosed

from hostile.witness import Client, HostileTest
from support.python.tokens import in_seconds, jwt


class Commands(HostileTest):
    """Each limit of the protocol, gone one past."""

    def close_code(self, client: Client) -> int:
        with self.assertRaises(ConnectionClosed) as closed:
            while True:
                client.socket.recv(timeout=30)
        return closed.exception.rcvd.code

    def test_json_nested_deeper_than_any_stack(self) -> None:
        for depth in (200, 60_000):
            with self.subTest(depth=depth):
                client = self.client()
                data = "[" * depth + "]" * depth
                client.socket.send('{"id":2,"publish":{"channel":"deep","data":' + data + "}}")
                self.assertEqual(self.close_code(client), 3501)
                self.assertEqual(self.server.api("POST", "/channels/deep", 1)[0], 200)

    def test_rest_json_nested_deeper_than_any_stack(self) -> None:
        nested: list = []
        for _ in range(200):
            nested = [nested]
        self.assertEqual(self.server.api("POST", "/channels/deep", nested)[0], 400)

    def test_commands_in_a_batch(self) -> None:
        client = self.client()
        batch = [json.dumps({"id": 10 + number, "ping": {}}) for number in range(11)]
        client.socket.send("\n".join(batch[:10]))
        for number in range(10):
            self.assertIn("ping", client.next_frame(lambda frame: frame.get("id") == 10 + number))
        client.socket.send("\n".join(batch))
        self.assertEqual(self.close_code(client), 3501)

    def test_channels_of_a_connection(self) -> None:
        client = self.client(*(f"many:{number}" for number in range(5)))
        self.assertEqual(client.ask("subscribe", channel="many:5")["error"]["code"], 106)
        client.ask("unsubscribe", channel="many:0")
        self.assertIn("subscribe", client.ask("subscribe", channel="many:5"))

    def test_length_of_a_channel_name(self) -> None:
        client = self.client("c" * 32)
        for name in ("c" * 33, "c" * 10_000):
            self.assertIn(client.ask("subscribe", channel=name)["error"]["code"], (106, 107))

    def test_length_of_a_user_name(self) -> None:
        exp = in_seconds(60)
        self.client(token=jwt(sub="u" * 16, exp=exp))
        client = None
        try:
            client = Client(self.server, token=jwt(sub="u" * 17, exp=exp))
            code = client.greeting["error"]["code"]
        except ConnectionClosed as closed:
            code = closed.rcvd.code
        finally:
            if client:
                client.close()
        self.assertIn(code, (106, 107, 3500, 3501))

    def test_publications_of_a_connection(self) -> None:
        client = self.client()
        answers = [client.ask("publish", channel="rate", data=number) for number in range(200)]
        codes = {answer["error"]["code"] for answer in answers if "error" in answer}
        self.assertEqual(codes, {111})
        self.assertTrue(all(answer["error"]["temporary"] for answer in answers if "error" in answer))
        self.assertGreaterEqual(sum("error" not in answer for answer in answers), 20)
        # Others are not held back by it.
        self.assertNotIn("error", self.client().ask("publish", channel="rate", data="mine"))

    def test_connections_of_a_user(self) -> None:
        token = jwt(sub="many", exp=in_seconds(60))
        for _ in range(3):
            self.client(token=token)
        with self.assertRaises(ConnectionClosed) as closed:
            Client(self.server, token=token)
        self.assertEqual(closed.exception.rcvd.code, 3504)
        self.client(token=jwt(sub="other", exp=in_seconds(60)))

    def test_commands_without_sense(self) -> None:
        for command in ("[]", "null", "1", '"connect"', '{"id":2}', '{"id":-1,"ping":{}}', '{"id":2,"ping":{}} x'):
            with self.subTest(command=command):
                client = self.client()
                client.socket.send(command)
                try:
                    answer = client.next_frame(lambda frame: "error" in frame)
                    self.assertEqual(answer["error"]["code"], 107)
                except ConnectionClosed as closed:
                    self.assertEqual(closed.rcvd.code, 3501)

    def test_history_of_an_app(self) -> None:
        with self.memory_bounded(40):
            for channel in range(20):
                for _ in range(20):
                    self.assertEqual(self.server.publish(f"flood:{channel}", "x" * 60_000), 0)
        answers = [self.client(f"flood:{channel}").ask("history", channel=f"flood:{channel}", limit=100)["history"]
                   for channel in range(0, 20, 5)]  # fmt: skip
        self.assertLess(len(answers[0].get("publications", [])), 20, "the oldest made room")
        self.assertGreater(len(answers[-1]["publications"]), 0)
