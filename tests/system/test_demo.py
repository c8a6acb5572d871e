"""The demo's morning, with every byte of it overheard: on a pty, on a socket, and on the air."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest
from programs import MOTORPOOL, run
from pymodbus.framer import FramerRTU
from taps import Tap, opened, port_of, pty_before, socket_before

from keycabinet import LineUrl
from lifecycle.ledger import verify
from lifecycle.site import Site
from simulator.demo import Narration, example_site, play
from simulator.hardware import StartMode
from simulator.station import SimulatedStation
from simulator.terminals.air import AirPacket
from vehicle.sealed.codes import ACTIONS, Verb
from vehicle.sealed.framing import FrameReader, FrameType

READ_INPUTS, WRITE_COIL = 0x02, 0x05
FLASH = 0x0200
PULSE = 2  # x 100 ms
ON, OFF = 0xFF00, 0x0000
ATT = 0x0004  # the L2CAP channel of the attribute protocol; Bluetooth Core 5.4, vol. 3, part A, 2.1
WRITE_REQUEST, WRITE_COMMAND, NOTIFICATION = 0x12, 0x52, 0x1B  # vol. 3, part F, 3.4.5 and 3.4.7

ADAPTER, SEALED = "F0:00:00:00:01:12", "F0:00:00:00:01:18"


class TappedStation(SimulatedStation):
    """A simulated station reached only through taps. `taps` has one for each line, `air` what crossed the air."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, seed=1)
        self.taps: dict[str, Tap] = {}
        self.air: list[AirPacket] = []
        self._tapped: dict[str, str] = {}

    @property
    def urls(self) -> Mapping[str, str]:
        return self._tapped

    @asynccontextmanager
    async def running(
        self, mode: StartMode = "real", *, site_ports: bool = False
    ) -> AsyncIterator[SimulatedStation]:
        async with super().running(mode, site_ports=site_ports):
            with ExitStack() as cables:
                for name, text in super().urls.items():
                    self._tapped[name] = self._tap(name, LineUrl.parse(text), cables)
                self.terminals.park.taps.append(self.air.append)
                yield self

    def _tap(self, name: str, url: LineUrl, cables: ExitStack) -> str:
        tap = self.taps[name] = Tap()
        if url.scheme == "serial":
            device = cables.enter_context(opened(url.path))
            return (
                f"serial://{cables.enter_context(pty_before(tap, device))}?baudrate={url.baudrate}&parity=N"
            )
        port = cables.enter_context(socket_before(tap, port_of(url.host, url.port)))
        return f"{url.scheme}://127.0.0.1:{port}"


class Frame(NamedTuple):
    """A Modbus frame: the transaction is 0 over RTU."""

    transaction: int
    address: int
    pdu: bytes

    @property
    def function(self) -> int:
        return self.pdu[0]


def rtu_frames(stream: bytes, *, replies: bool) -> Iterator[Frame]:
    """Cut a stream of functions 1, 2, 3 and 5 into frames; AssertionError at a byte or a CRC that does not fit.

    What the station no longer waited for when it closed may end the stream in the middle of a frame.
    """
    while len(stream) > 2:
        length = 5 + stream[2] if replies and stream[1] != WRITE_COIL else 8
        frame, stream = stream[:length], stream[length:]
        if len(frame) < length:
            return
        assert frame[1] in (1, 2, 3, WRITE_COIL), frame.hex(" ")
        assert FramerRTU.compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big"), frame.hex(" ")
        yield Frame(0, frame[0], frame[1:-2])


def mbap_frames(stream: bytes) -> Iterator[Frame]:
    """Cut a stream into Modbus TCP frames; AssertionError at one that is none."""
    while stream:
        transaction, protocol, length, unit = struct.unpack_from(">HHHB", stream)
        assert protocol == 0
        pdu, stream = stream[7 : 6 + length], stream[6 + length :]
        assert len(pdu) == length - 1
        yield Frame(transaction, unit, pdu)


def writes(requests: list[Frame]) -> tuple[Counter[tuple[int, int]], list[tuple[int, int, bool]]]:
    """What relays (address, channel) were told: how often to give a pulse, and in order which to go on or off."""
    pulses: Counter[tuple[int, int]] = Counter()
    switched = []
    for frame in requests:
        if frame.function == WRITE_COIL:
            coil, word = struct.unpack(">HH", frame.pdu[1:])
            if coil >= FLASH:
                assert word == PULSE
                pulses[frame.address, coil - FLASH + 1] += 1
            else:
                assert word in (ON, OFF)
                switched.append((frame.address, coil + 1, word == ON))
    return pulses, switched


def inputs_seen(replies: list[Frame], address: int) -> list[int]:
    """What one board said of its eight inputs, without repetitions."""
    said = (frame.pdu[2] for frame in replies if (frame.address, frame.function) == (address, READ_INPUTS))
    return [value for value, _ in groupby(said)]


def check_serial_line(station: TappedStation) -> None:
    """Line a: cabinets A and B, four boards."""
    tap = station.taps["a"]
    requests = list(rtu_frames(tap.stream(from_host=True), replies=False))
    replies = list(rtu_frames(tap.stream(from_host=False), replies=True))
    for request, reply in zip(requests, replies, strict=False):
        assert (request.address, request.function) == (reply.address, reply.function)
        if request.function == WRITE_COIL:
            assert request == reply
    assert len(requests) - len(replies) in (0, 1)  # the last poll may have been given up
    assert writes(requests) == ({(1, 1): 1, (1, 2): 1, (3, 5): 1}, [])  # B-05
    world = station.world
    assert [world.pulses("A", 1), world.pulses("A", 2), world.pulses("B", 5)] == [1, 1, 1]
    assert bytes.fromhex("01 05 02 00 00 02 4D B3") in tap.stream(from_host=True)
    assert bytes.fromhex("01 02 00 00 00 08 79 CC") in tap.stream(from_host=True)
    # A-01 out, A-02 out, A-02 home, and from the workshop A-01
    assert inputs_seen(replies, 1) == [0b11, 0b10, 0b00, 0b10, 0b11]
    assert inputs_seen(replies, 3) == [0b00100, 0b10100, 0b00100]  # into B-05, and out again
    assert inputs_seen(replies, 2) == inputs_seen(replies, 4) == [0]
    lasted = tap.crossings[-1].at - tap.crossings[0].at
    crossed = sum(len(each.data) for each in tap.crossings)
    assert crossed / lasted < 960  # characters a second at 9600 baud


def check_network_line(station: TappedStation) -> None:
    """Line b: cabinet C, two boards of slots and one for its door."""
    tap = station.taps["b"]
    requests = list(mbap_frames(tap.stream(from_host=True)))
    replies = {frame.transaction: frame for frame in mbap_frames(tap.stream(from_host=False))}
    answered = [request for request in requests if request.transaction in replies]
    assert len(requests) - len(answered) <= 3  # the last poll of each board may have been given up
    for request in answered:
        reply = replies[request.transaction]
        assert (request.address, request.function) == (reply.address, reply.function)
        if request.function == WRITE_COIL:
            assert request == reply
    pulses, lamps = writes(requests)
    assert pulses == {(1, 1): station.world.pulses("C", 1), (3, 1): station.world.pulses("C", 0)}
    assert pulses[1, 1] == 1
    assert lamps == [(3, 2, True), (3, 2, False)]  # the lamp of C-01
    in_order = [replies[request.transaction] for request in answered]
    assert inputs_seen(in_order, 1) == [1, 0, 1]  # C-01 out and home
    assert inputs_seen(in_order, 2) == [0]
    assert inputs_seen(in_order, 3)[:2] == [1, 0]  # the door was shut, and opened


def att_values(air: list[AirPacket], sender: str, receiver: str, *opcodes: int) -> list[bytes]:
    """The attribute values of these packets between two radios."""
    found = []
    for packet in air:
        if (packet.kind, packet.sender, packet.receiver) == ("acl", sender, receiver):
            length, channel = struct.unpack_from("<HH", packet.data)
            assert length == len(packet.data) - 4  # one L2CAP frame a packet
            if channel == ATT and packet.data[4] in opcodes:
                found.append(packet.data[7:])  # after opcode and handle
    return found


def vin_frames(vin: str) -> list[str]:
    """A VIN as the engine's controller sends it: three CAN frames; ISO 15765-2, SAE J1979 mode 09."""
    told = b"\x49\x02\x01" + vin.encode("ascii")
    first, *rest = told[:6], told[6:13], told[13:]
    return ["7E81014" + first.hex(), *(f"7E82{n}{part.hex()}" for n, part in enumerate(rest, 1))]


def check_air(station: TappedStation) -> None:
    """The terminals of the two cars that were out and have one."""
    radios = {packet.sender for packet in station.air if packet.kind == "connect"}
    assert len(radios) == 1  # the station's
    ours = radios.pop()
    check_adapter(station, ours)
    check_sealed(station, ours)


def check_adapter(station: TappedStation, ours: str) -> None:
    """P-112: an adapter, asked and answering in the clear."""
    asked = att_values(station.air, ours, ADAPTER, WRITE_REQUEST, WRITE_COMMAND)
    for command in ("ATZ", "0100", "0902", "01A6", "012F", "0142", "03", "07"):
        assert f"{command}\r".encode() in asked
    answered = b"".join(att_values(station.air, ADAPTER, ours, NOTIFICATION)).decode("ascii")
    truth = station.world.car("v-112")
    lines = answered.replace(">", "\r").split("\r")  # the prompt has no line of its own
    assert {"ELM327 v1.5", *(frame.upper() for frame in vin_frames(truth.vin))} <= set(lines)
    assert f"7E80641A6{round(truth.odometer_km * 10):08X}00" in lines  # six bytes, and one to fill the frame
    stored = [line for line in lines if line.startswith("7E8") and line[5:7] == "43"]
    codes = [line[7:] for line, _ in groupby(stored)]
    none, p0301 = "000000000000", "010301000000"  # how many, and which
    assert codes == [p0301, none]  # found, and mended


def check_sealed(station: TappedStation, ours: str) -> None:
    """P-118: each session begins with EDHOC, and nothing else is said in the clear."""
    said, heard = FrameReader(), FrameReader()
    written = att_values(station.air, ours, SEALED, WRITE_REQUEST, WRITE_COMMAND)
    sent = [value for value in written if value not in (b"\x01\x00", b"\x00\x00")]  # notifications on, off
    asked = [frame for piece in sent for frame in said.feed(piece, 0.0)]
    sessions = [frame for frame in asked if frame.type == FrameType.MESSAGE_1]
    assert len(sessions) >= 3  # when its set was taken, when it came home, and to be read
    assert [frame.type for frame in asked[:3]] == [FrameType.MESSAGE_1, FrameType.MESSAGE_3, FrameType.RECORD]
    told = att_values(station.air, SEALED, ours, NOTIFICATION)
    answers = [frame for piece in told for frame in heard.feed(piece, 0.0)]
    assert [frame.type for frame in answers].count(FrameType.MESSAGE_2) == len(sessions)
    assert {frame.type for frame in answers} == {FrameType.MESSAGE_2, FrameType.RECORD}
    crossed = b"".join((*sent, *told))
    for secret in (station.world.car("v-118").vin, "P-118", "v-118"):
        assert secret.encode() not in crossed
    device = station.terminals.sealed["v-118"]
    done = [entry.verb for entry in device.log.done if entry.verb in ACTIONS]
    assert done == [Verb.MOBILISE, Verb.UNLOCK, Verb.LOCK, Verb.IMMOBILISE]
    assert device.log.refusals == []


@pytest.mark.real_time
async def test_the_demos_bytes_cross_a_pty_a_socket_and_the_air(tmp_path: Path) -> None:
    site = example_site(tmp_path)
    station = TappedStation(site)
    told: list[Narration] = []
    result = await play(site, "real", told.append, station)
    assert result.ok, result.summary
    verified = verify(site.ledger_path)
    assert (verified.head.seq, verified.head.hash) == (result.events, result.ledger_head)
    check_serial_line(station)
    check_network_line(station)
    check_air(station)


@pytest.mark.real_time
async def test_the_demo_in_virtual_time_is_a_program_that_ends_well() -> None:
    said = await run(*MOTORPOOL, "demo", "--speed", "fast")
    assert "P-118        mobilised and unlocked by its sealed terminal, under grant 1" in said
    assert "P-118        locked and immobilised by its sealed terminal, under grant 1" in said
    assert "P-112        an adapter that only reads" in said
    assert "K-07         no terminal" in said
    assert "P-112 is ready again" in said
    assert "chain verified" in said
    assert said.splitlines()[-1].startswith("Ledger verified: ")
