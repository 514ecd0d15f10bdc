"""Our client calls a server made of PyPI's thrift and code of Debian's compiler."""

import itertools
import threading
import unittest
import unittest.mock

from thrift.server.THttpServer import THttpServer
from thrift.server.TServer import TThreadedServer
from thrift.transport.TSocket import TServerSocket
from thrift.transport.TTransport import TFramedTransportFactory

from interop.thrift import generated, programs
from interop.thrift.transports import PROTOCOLS

probe = generated.module(generated.PROBE, "probe", "Probe")
types = generated.module(generated.PROBE, "probe", "ttypes")


class Handler:
    """What our own service does."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def echo(self, everything):
        return everything

    def negate(self, truth):
        return not truth

    def add(self, left, right):
        return left + right

    def reverse(self, bytes):
        return bytes[::-1]

    def nothing(self):
        pass

    def note(self, text):
        self.kept.append(text)

    def notes(self):
        return self.kept

    def refuse(self, code):
        raise types.Refused(code=code, reason="as asked")

    def weigh(self, tree):
        return tree.weight + sum(self.weigh(branch) for branch in tree.branches or [])


class TheirServer(unittest.TestCase):
    """Each transport with each protocol."""

    def serve_framed(self, protocol) -> str:
        listening = TServerSocket("127.0.0.1", 0)
        listening.listen()
        port = listening.handle.getsockname()[1]
        # Listens already: serving would bind anew.
        listening.listen = lambda: None
        server = TThreadedServer(
            probe.Processor(Handler()), listening, TFramedTransportFactory(), protocol, daemon=True
        )
        threading.Thread(target=server.serve, daemon=True).start()
        self.addCleanup(listening.close)
        return f"127.0.0.1:{port}"

    def serve_http(self, protocol) -> str:
        server = THttpServer(probe.Processor(Handler()), ("127.0.0.1", 0), protocol)
        server.httpd.RequestHandlerClass.log_message = lambda *_: None
        threading.Thread(target=server.serve, daemon=True).start()
        self.addCleanup(server.httpd.server_close)
        self.addCleanup(server.httpd.shutdown)
        return f"http://127.0.0.1:{server.httpd.server_address[1]}/"

    def test_every_method_and_type(self) -> None:
        for (transport, serve), (name, protocol) in itertools.product(
            {"framed": self.serve_framed, "http": self.serve_http}.items(), PROTOCOLS.items()
        ):
            with self.subTest(transport=transport, protocol=name):
                ended = programs.call(transport, serve(protocol), name)
                self.assertEqual((ended.returncode, ended.stdout), (0, "all answers are right\n"), ended.stderr)

    def test_a_wrong_answer_is_seen(self) -> None:
        class Wrong(Handler):
            def add(self, left, right):
                return left - right

        with unittest.mock.patch(f"{__name__}.Handler", Wrong):
            ended = programs.call("framed", self.serve_framed(PROTOCOLS["binary"]), "binary")
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("add gave Ok(-8) instead of -2", ended.stderr)
