"""A server made of PyPI's thrift and code of Debian's compiler.

From the folder `tests`, `python -m interop.thrift.their_server` serves framed TCP, and says where.
"""

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAcceleratedFactory
from thrift.server.TServer import TThreadedServer
from thrift.transport.TSocket import TServerSocket
from thrift.transport.TTransport import TFramedTransportFactory

from interop.thrift import generated

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


def framed_server(handler: Handler, protocol) -> tuple[TThreadedServer, str]:
    """A server that listens already but does not serve yet, and where it is."""
    listening = TServerSocket("127.0.0.1", 0)
    listening.listen()
    port = listening.handle.getsockname()[1]
    # Serving would bind anew.
    listening.listen = lambda: None
    transport = TFramedTransportFactory()
    return TThreadedServer(probe.Processor(handler), listening, transport, protocol, daemon=True), f"127.0.0.1:{port}"


if __name__ == "__main__":
    server, address = framed_server(Handler(), TBinaryProtocolAcceleratedFactory(fallback=False))
    print(f"thrift://{address}", flush=True)
    server.serve()
