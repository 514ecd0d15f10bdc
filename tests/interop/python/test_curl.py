"""curl: the REST API of Beacon v1, the plain event stream, and what stands beside them."""

import json
import socket
import subprocess
import unittest

from support.python.planet import API_KEY, SECRET_KEY, Server
from support.python.tokens import in_seconds, jwt

KEY = ("-H", f"X-Beacon-Secret-Key: {SECRET_KEY}")


class Curl(unittest.TestCase):
    """Each row of the interface that old back ends rely on."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)

    def curl(self, path: str, *arguments: str, base: str | None = None) -> tuple[int, str]:
        """The status and body that curl gets."""
        base = f"/1.0.0/{API_KEY}" if base is None else base
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"]
        result = subprocess.run(
            [*command, *arguments, self.server.url + base + path], capture_output=True, text=True, check=True
        )
        body, status = result.stdout.rsplit("\n", 1)
        return int(status), body

    def listen(self, channels: str, *arguments: str) -> "Stream":
        stream = Stream(self.server.url, channels, *arguments)
        self.addCleanup(stream.close)
        return stream

    def test_publish_to_a_channel(self) -> None:
        stream = self.listen("channel=news:curl")
        body = '{"name": "event", "data": [1, 2.50, "\\u00e9"]}'
        self.assertEqual(self.curl("/channels/news:curl", *KEY, "-d", body), (200, '{"messages_sent":1}'))
        self.assertEqual(json.loads(stream.field("data")), json.loads(body))

    def test_any_json_value_under_any_content_type(self) -> None:
        stream = self.listen("channel=news:types")
        # The first is what curl and PHP say of their own accord; the last is saying nothing.
        for content_type in ("application/x-www-form-urlencoded", "application/json", "text/plain", ""):
            for body in ("null", "7", '"text"', "[]", '{"a":1}'):
                header = ("-H", f"Content-Type:{' ' if content_type else ''}{content_type}")
                status, answer = self.curl("/channels/news:types", *KEY, *header, "-d", body)
                self.assertEqual((status, json.loads(answer)), (200, {"messages_sent": 1}))
                self.assertEqual(json.loads(stream.field("data")), json.loads(body))

    def test_base_path_with_api(self) -> None:
        self.assertEqual(self.curl("/users", *KEY, base=f"/api/1.0.0/{API_KEY}")[0], 200)

    def test_expect_100_continue(self) -> None:
        stream = self.listen("channel=news:expect")
        body = json.dumps("x" * 20_000)
        status, _ = self.curl("/channels/news:expect", *KEY, "-H", "Expect: 100-continue", "-d", body)
        self.assertEqual(status, 200)
        self.assertEqual(stream.field("data"), body)

    def test_prefixed_channels_are_plain_names(self) -> None:
        # `#` has to be escaped in a URL, the others need not be.
        for channel in ("%23room", "*room", "@@room"):
            self.assertEqual(self.curl(f"/channels/{channel}", *KEY, "-d", "1", base=f"/1.0.0/{API_KEY}")[0], 200)

    def test_users_of_a_channel_and_of_the_app(self) -> None:
        self.assertEqual(self.curl("/channels/chat:nobody", *KEY), (200, '{"users":[]}'))
        status, body = self.curl("/users", *KEY)
        self.assertEqual((status, list(json.loads(body))), (200, ["online"]))

    def test_user_that_is_not_online(self) -> None:
        self.assertEqual(self.curl("/users/nobody", *KEY)[0], 404)
        self.assertEqual(self.curl("/users/nobody", *KEY, "-d", "1"), (200, '{"messages_sent":0}'))
        self.assertEqual(self.curl("/users/nobody", *KEY, "-X", "DELETE"), (204, ""))
        self.assertEqual(self.curl("/users/nobody", *KEY, "-X", "DELETE", "-H", "Content-Length: 0"), (204, ""))

    def test_errors_say_what_is_wrong_and_publish_nothing(self) -> None:
        stream = self.listen("channel=news:errors")
        channel, app = "/channels/news:errors", f"/1.0.0/{API_KEY}"
        wrong = ("-H", "X-Beacon-Secret-Key: wrong_secret_key_1")
        for status, path, base, arguments in (
            (401, channel, app, ("-d", "1")),
            (401, channel, app, (*wrong, "-d", "1")),
            (404, channel, "/1.0.0/no_such_app", (*KEY, "-d", "1")),
            (400, channel, app, (*KEY, "-d", "{not json")),
            (400, channel, app, (*KEY, "-d", "")),
            (400, channel, app, (*KEY, "-d", "1 2")),
            (400, "/channels/not%20a%20name", app, (*KEY, "-d", "1")),
            (400, "/users/@julia", app, (*KEY, "-d", "1")),
            (400, "/channels/" + "c" * 129, app, (*KEY, "-d", "1")),
            (413, channel, app, (*KEY, "-d", json.dumps("x" * 70_000))),
        ):
            with self.subTest(status=status, path=path, base=base):
                answer, body = self.curl(path, *arguments, base=base)
                self.assertEqual(answer, status)
                self.assertTrue(json.loads(body)["error"])
        self.assertEqual(self.server.publish("news:errors", "last"), 1)
        self.assertEqual(stream.field("data"), '"last"', "nothing came before it")

    def test_idempotency_key_publishes_once(self) -> None:
        stream = self.listen("channel=news:once")
        key = ("-H", "Idempotency-Key: 42")
        answers = {self.curl("/channels/news:once", *KEY, *key, "-d", "1") for _ in range(3)}
        self.assertEqual(answers, {(200, '{"messages_sent":1}')})
        self.server.publish("news:once", 2)
        self.assertEqual([stream.field("data"), stream.field("data")], ["1", "2"])

    def test_browsers_may_ask(self) -> None:
        status, _ = self.curl(
            "/channels/news:cors", "-X", "OPTIONS", "-H", "Origin: https://example.org",
            "-H", "Access-Control-Request-Method: POST", "-H", "Access-Control-Request-Headers: content-type",
        )  # fmt: skip
        self.assertIn(status, (200, 204))

    def test_event_stream_resumes(self) -> None:
        first = self.listen("channel=news:resume")
        for number in (1, 2, 3):
            self.server.publish("news:resume", number)
        self.assertEqual(first.field("id").split(":")[1], "0", "a stream says first where it stands")
        ids = [first.field("id") for _ in range(3)]
        epochs, offsets, _ = zip(*(position.split(":", 2) for position in ids))
        self.assertEqual((len(set(epochs)), offsets), (1, ("1", "2", "3")))
        again = self.listen("channel=news:resume", "-H", f"Last-Event-ID: {ids[0]}")
        self.assertEqual([again.field("data"), again.field("data")], ["2", "3"])
        by_query = self.listen(f"channel=news:resume&lastEventId={ids[1]}")
        self.assertEqual(by_query.field("data"), "3")

    def test_event_stream_has_a_heartbeat(self) -> None:
        stream = self.listen("channel=news:quiet")
        # A comment means nothing to a client, and keeps proxies from cutting a quiet connection.
        while not (line := stream.line()).startswith(":"):
            self.assertTrue(line.startswith("id:"))

    def test_health_readiness_and_metrics(self) -> None:
        self.assertEqual(self.curl("/healthz", base="")[0], 200)
        self.assertEqual(self.curl("/readyz", base="")[0], 200)
        status, body = self.curl("/metrics", base="")
        self.assertEqual(status, 200)
        self.assertIn("# TYPE ", body)

    def test_browser_client_and_demo(self) -> None:
        for path, text in (("/1/client.js", "Beacon"), ("/client.mjs", "export"), ("/", "<html")):
            status, body = self.curl(path, base="")
            self.assertEqual(status, 200, path)
            self.assertIn(text, body, path)

    def test_back_end_is_told_of_users_coming_and_going(self) -> None:
        address = self.server.find_line(r"event stream\s+127\.0\.0\.1:\d+", 10)
        with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=15) as events:
            lines = events.makefile("r", newline="\r\n")
            user = self.listen("channel=chat:events&token=" + jwt(sub="events.julia", exp=in_seconds(60)))
            self.assertEqual(lines.readline(), "default\tUSER_CONNECTED_TO_CHANNEL\tevents.julia\tchat:events\r\n")
            self.assertEqual(json.loads(self.curl("/channels/chat:events", *KEY)[1]), {"users": ["events.julia"]})
            user.close()
            self.assertEqual(lines.readline(), "default\tUSER_DISCONNECTED_TO_CHANNEL\tevents.julia\tchat:events\r\n")


class Stream:
    """`curl -N` on the plain event stream."""

    def __init__(self, url: str, channels: str, *arguments: str) -> None:
        command = ["curl", "--silent", "--no-buffer", "--max-time", "30", "--include", *arguments]
        self.process = subprocess.Popen([*command, f"{url}/sse?{channels}"], stdout=subprocess.PIPE, text=True)
        self.head = []
        while line := self.process.stdout.readline().strip():
            self.head.append(line)
        if " 200" not in self.head[0]:
            raise AssertionError(f"the event stream was answered with {self.head}")

    def line(self) -> str:
        """The next line that is not empty."""
        while not (line := self.process.stdout.readline()).strip():
            if not line:
                raise AssertionError("the event stream ended")
        return line.rstrip("\n")

    def field(self, name: str) -> str:
        """The value of the next field of that name."""
        while not (line := self.line()).startswith(f"{name}:"):
            pass
        return line[len(name) + 1 :].removeprefix(" ")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
