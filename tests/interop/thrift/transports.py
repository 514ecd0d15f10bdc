"""Every way in which a message may travel, with PyPI's thrift."""

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated, TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocolAccelerated, TCompactProtocolFactory
from thrift.transport.THttpClient import THttpClient
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport

#: By the names that our client knows them by.
PROTOCOLS = {
    "binary": TBinaryProtocolFactory(strictRead=True, strictWrite=True),
    "old": TBinaryProtocolFactory(strictRead=False, strictWrite=False),
    "compact": TCompactProtocolFactory(),
}

#: The same, read and written by code in C.
ACCELERATED = {
    "binary": lambda transport: TBinaryProtocolAccelerated(transport, fallback=False),
    "compact": lambda transport: TCompactProtocolAccelerated(transport, fallback=False),
}


def framed(address: str) -> TFramedTransport:
    """A framed connection, not opened yet."""
    host, port = address.rsplit(":", 1)
    socket = TSocket(host, int(port))
    socket.setTimeout(20_000)
    return TFramedTransport(socket)


def http(address: str) -> THttpClient:
    """Requests to a path, over one connection."""
    client = THttpClient(f"http://{address}/thrift")
    client.setTimeout(20_000)
    return client


TRANSPORTS = {"framed": framed, "http": http}
