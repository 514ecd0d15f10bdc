"""Long polling, spoken with nothing but the standard library's HTTP client."""

import http.client
import json
import threading
import time
import unittest

from support.python.planet import Server
from support.python.tokens import in_seconds, jwt


class LongPoll(unittest.TestCase):
    """A session, its cursor, and answers that get lost on the way."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)

    def post(self, body: object, path: str = "/connection/long_poll") -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            text = body if isinstance(body, str) else json.dumps(body)
            connection.request("POST", path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, json.loads(answer) if is_json else {}
        finally:
            connection.close()

    def open(self, channel: str | None = None, **connect: object) -> "Session":
        status, answer = self.post({"id": 1, "connect": connect})
        self.assertEqual(status, 200)
        session = Session(self, answer)
        if channel is not None:
            session.ask({"id": 2, "subscribe": {"channel": channel}})
        return session

    def test_opens_with_the_answer_to_connect(self) -> None:
        session = self.open(token=jwt(sub="julia", exp=in_seconds(60)))
        (answer,) = [frame for frame in session.frames if frame.get("id") == 1]
        self.assertEqual(answer["connect"]["session"], session.id)
        self.assertIn("node", answer["connect"])
        self.assertEqual(self.server.api("GET", "/users/julia")[0], 200)

    def test_poll_is_held_until_there_is_something(self) -> None:
        session = self.open("news:held")
        timer = threading.Timer(0.3, self.server.publish, ("news:held", "at last"))
        timer.start()
        self.assertEqual(session.next_publications(), ["at last"])
        timer.join()

    def test_poll_with_nothing_to_say_ends_by_itself(self) -> None:
        session = self.open()
        status, answer = session.poll()
        self.assertEqual(status, 200)
        self.assertTrue(all(frame == {} for frame in answer["frames"]), "pings at most")

    def test_lost_response_is_sent_again_and_never_twice(self) -> None:
        session = self.open("news:lost")
        for number in range(1, 4):
            self.server.publish("news:lost", number)
        before = session.cursor
        first = session.next_publications()
        # The client that never got the answer asks again from where it was.
        session.cursor = before
        again = session.next_publications()
        self.assertEqual(again[: len(first)], first)
        seen = list(again)
        while len(seen) < 3:
            seen += session.next_publications()
        self.server.publish("news:lost", 4)
        self.assertEqual(seen + session.next_publications(), [1, 2, 3, 4])

    def test_newer_poll_ends_the_older_one(self) -> None:
        session = self.open("news:newer")
        session.drain()
        answers = []
        older = threading.Thread(target=lambda: answers.append(session.poll()))
        started = time.monotonic()
        older.start()
        time.sleep(0.2)
        timer = threading.Timer(0.2, self.server.publish, ("news:newer", "for the newer one"))
        timer.start()
        self.assertEqual(session.next_publications(), ["for the newer one"])
        older.join()
        timer.join()
        self.assertLess(time.monotonic() - started, 10)
        self.assertEqual([status for status, _ in answers], [200])
        self.assertEqual([frame for frame in answers[0][1]["frames"] if frame], [])

    def test_commands_go_along_with_a_poll_or_beside_it(self) -> None:
        session = self.open("chat:beside")
        (published,) = session.ask({"id": 3, "publish": {"channel": "chat:beside", "data": "along"}})
        self.assertNotIn("error", published)
        beside = {"id": 4, "publish": {"channel": "chat:beside", "data": "beside"}}
        emulation = {"session": session.id, "node": session.node, "data": json.dumps(beside)}
        self.assertEqual(self.post(emulation, "/emulation"), (204, {}))
        while not any(frame.get("id") == 4 for frame in session.frames):
            session.poll()
        data = [frame["push"]["pub"]["data"] for frame in session.frames if "pub" in frame.get("push", {})]
        self.assertEqual(data, ["along", "beside"])

    def test_resumes_in_a_new_session(self) -> None:
        session = self.open("news:resume")
        (answer,) = [frame for frame in session.frames if frame.get("id") == 2]
        position = {key: answer["subscribe"][key] for key in ("epoch",)}
        for number in range(1, 6):
            self.server.publish("news:resume", number)
        again = self.open()
        recover = {"channel": "news:resume", "recover": True, "offset": 2, **position}
        (answer,) = again.ask({"id": 2, "subscribe": recover})
        self.assertTrue(answer["subscribe"]["recovered"])
        self.assertEqual([pub["data"] for pub in answer["subscribe"]["publications"]], [3, 4, 5])

    def test_logout_is_told_and_ends_the_session(self) -> None:
        session = self.open(token=jwt(sub="poll.out", exp=in_seconds(60)))
        self.server.api("DELETE", "/users/poll.out")
        while not any("disconnect" in frame.get("push", {}) for frame in session.frames):
            self.assertEqual(session.poll()[0], 200)
        self.assertEqual(session.frames[-1]["push"]["disconnect"]["code"], 3503)
        self.assertEqual(session.poll()[0], 404)

    def test_bad_requests(self) -> None:
        session = self.open()
        self.assertEqual(self.post({"session": "no-such-session", "cursor": 0})[0], 404)
        self.assertEqual(self.post({"session": session.id, "cursor": 1000})[0], 400)
        # What is no poll is a first request, and what is no connect command either is refused as that.
        for body in ({"session": session.id}, {"session": session.id, "cursor": "one"}, "not json"):
            with self.subTest(body=body):
                status, answer = self.post(body)
                self.assertEqual((status, answer["frames"][-1]["push"]["disconnect"]["code"]), (200, 3501))
        self.assertEqual(session.poll()[0], 200, "the session goes on")


class Session:
    """The client's side of a long-polling session."""

    def __init__(self, test: LongPoll, answer: dict) -> None:
        self.test = test
        self.id = answer["session"]
        self.cursor = answer["cursor"]
        self.frames = answer["frames"]
        self.node = self.frames[0].get("connect", {}).get("node", "")

    def poll(self, *commands: dict) -> tuple[int, dict]:
        """One poll, which acknowledges what came before it. Pings are answered with the next one."""
        body = {"session": self.id, "cursor": self.cursor, "commands": list(commands)}
        status, answer = self.test.post(body)
        if status == 200:
            self.frames += [frame for frame in answer["frames"] if frame]
            self.cursor = max(self.cursor, answer["cursor"])
            if {} in answer["frames"]:
                self.test.post({"session": self.id, "node": self.node, "data": "{}"}, "/emulation")
        return status, answer

    def ask(self, *commands: dict) -> list[dict]:
        """The answers to commands."""
        wanted = {command["id"] for command in commands}
        self.poll(*commands)
        while not wanted <= {frame.get("id") for frame in self.frames}:
            self.poll()
        return [frame for frame in self.frames if frame.get("id") in wanted]

    def drain(self) -> None:
        """Acknowledges what came, so that the next poll has nothing to repeat."""
        self.poll({"id": 99, "ping": {}})

    def next_publications(self) -> list[object]:
        """What was published, of the next answer that has some."""
        for _ in range(10):
            status, answer = self.poll()
            self.test.assertEqual(status, 200)
            if data := [frame["push"]["pub"]["data"] for frame in answer["frames"] if "pub" in frame.get("push", {})]:
                return data
        raise AssertionError("nothing was published")
