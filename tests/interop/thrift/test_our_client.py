"""Our client calls a server made of PyPI's thrift and code of Debian's compiler."""

import itertools
import threading
import unittest
import unittest.mock

from thrift.server.THttpServer import THttpServer

from interop.thrift import programs
from interop.thrift.their_server import Handler, framed_server, probe
from interop.thrift.transports import PROTOCOLS


class TheirServer(unittest.TestCase):
    """Each transport with each protocol."""

    def serve_framed(self, protocol) -> str:
        server, address = framed_server(Handler(), protocol)
        threading.Thread(target=server.serve, daemon=True).start()
        self.addCleanup(server.serverTransport.close)
        return address

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
