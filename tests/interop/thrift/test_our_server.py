"""PyPI's thrift, with code of Debian's compiler, calls our server."""

import functools
import itertools
import socket
import struct
import unittest

from thrift.Thrift import TApplicationException, TMessageType, TType

from interop.thrift import generated
from interop.thrift.programs import ProbeServer
from interop.thrift.transports import ACCELERATED, PROTOCOLS, TRANSPORTS

probe = generated.module(generated.PROBE, "probe", "Probe")
types = generated.module(generated.PROBE, "probe", "ttypes")


def everything(value) -> "types.Everything":
    """A value for every field, the most awkward one there is."""
    place = types.Place(name="Ω", height=0.1, country="Ǻ")
    return types.Everything(
        truth=True,
        tiny=-(2**7),
        small=-(2**15),
        medium=-(2**31),
        large=-(2**63),
        real=-1.5e-300,
        text="🪐 planet\n",
        bytes=bytes(range(256)),
        weather=types.Weather.SNOW,
        place=place,
        rows=[[], [1, -1], list(range(40))],
        names={"", "julia"},
        places={"a": [place, types.Place(name="b")], "c": []},
        groups={-1: {2**63 - 1, 0}, 2**31 - 1: set()},
        value=value,
        absent=None,
        answer=43,
        age=-4320,
        flags=[True, False, True],
        far=False,
    )


def every_way(test):
    """Has a test run with a client for every way, each in a subtest of its own."""
    plain = [(name, factory.getProtocol) for name, factory in PROTOCOLS.items()]
    accelerated = [(f"{name} in C", make) for name, make in ACCELERATED.items()]

    @functools.wraps(test)
    def run(self: "OurServer") -> None:
        for transport, (name, make) in itertools.product(TRANSPORTS, plain + accelerated):
            with self.subTest(transport=transport, protocol=name):
                test(self, self.client(transport, make))

    return run


class OurServer(unittest.TestCase):
    """Each transport with each protocol."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(ProbeServer())

    def client(self, transport: str, protocol) -> "probe.Client":
        opened = TRANSPORTS[transport](self.server.addresses[transport])
        opened.open()
        self.addCleanup(opened.close)
        return probe.Client(protocol(opened))

    @every_way
    def test_every_type(self, client: "probe.Client") -> None:
        for value in (
            types.Value(number=-7),
            types.Value(text="text"),
            types.Value(bytes=b"\xff\xfe\x00"),
            types.Value(numbers=[1, 2]),
        ):
            sent = everything(value)
            self.assertEqual(client.echo(sent), sent)
        self.assertIs(client.negate(True), False)
        self.assertEqual(client.add(-5, 3), -2)
        self.assertEqual(client.reverse(b"\x00\xff\x80"), b"\x80\xff\x00")
        self.assertIsNone(client.nothing())
        leaf = types.Tree(weight=4)
        tree = types.Tree(weight=1, branches=[leaf, types.Tree(weight=2, branches=[leaf])])
        self.assertEqual(client.weigh(tree), 11)

    @every_way
    def test_optional_fields_stay_unset_and_defaults_hold(self, client: "probe.Client") -> None:
        answer = client.echo(types.Everything(place=types.Place(name="a")))
        self.assertIsNone(answer.absent)
        self.assertIsNone(answer.place.height)
        self.assertEqual((answer.place.country, answer.answer), ("nowhere", 42))

    @every_way
    def test_exceptions(self, client: "probe.Client") -> None:
        with self.assertRaises(types.Refused) as raised:
            client.refuse(-3)
        self.assertEqual((raised.exception.code, raised.exception.reason), (-3, "as asked"))
        self.assertEqual(client.add(1, 2), 3)

    @every_way
    def test_unknown_methods_leave_the_connection_usable(self, client: "probe.Client") -> None:
        out = client._oprot
        out.writeMessageBegin("juggle", TMessageType.CALL, 5)
        out.writeStructBegin("juggle_args")
        out.writeFieldBegin("balls", TType.I32, 1)
        out.writeI32(3)
        out.writeFieldEnd()
        out.writeFieldStop()
        out.writeStructEnd()
        out.writeMessageEnd()
        out.trans.flush()
        name, kind, number = client._iprot.readMessageBegin()
        error = TApplicationException()
        error.read(client._iprot)
        client._iprot.readMessageEnd()
        self.assertEqual((name, kind, number), ("juggle", TMessageType.EXCEPTION, 5))
        self.assertEqual(error.type, TApplicationException.UNKNOWN_METHOD)
        self.assertEqual(client.add(1, 2), 3)

    @every_way
    def test_oneway(self, client: "probe.Client") -> None:
        text = f"note {id(client)}"
        client.note(text)
        # On the same connection it has been handled before the next call.
        self.assertEqual(client.notes()[-1], text)

    def test_many_threads_each_with_a_connection(self) -> None:
        clients = [self.client("framed", PROTOCOLS["compact"].getProtocol) for _ in range(20)]
        for number in range(100):
            for client in clients:
                client.send_add(number, 1)
            for client in clients:
                self.assertEqual(client.recv_add(), number + 1)

    def test_calls_sent_ahead_are_answered_in_order(self) -> None:
        for protocol in PROTOCOLS.values():
            client = self.client("framed", protocol.getProtocol)
            for number in range(200):
                client.send_add(number, 1)
            self.assertEqual([client.recv_add() for _ in range(200)], list(range(1, 201)))

    def test_a_frame_that_cannot_be_read_closes_its_connection_and_no_other(self) -> None:
        witness = self.client("framed", PROTOCOLS["binary"].getProtocol)
        host, port = self.server.addresses["framed"].rsplit(":", 1)
        for bad in (
            struct.pack(">I", 1 << 30),
            struct.pack(">I", 4) + b"\xff\xff\xff\xff",
            struct.pack(">I", 14) + b"\x80\x01\x00\x01\x00\x00\x00\x04add\x00\x00\x00",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            with self.subTest(bad=bad), socket.create_connection((host, int(port)), timeout=20) as peer:
                peer.sendall(bad)
                self.assertEqual(peer.recv(100), b"")
            self.assertEqual(witness.add(1, 2), 3)
