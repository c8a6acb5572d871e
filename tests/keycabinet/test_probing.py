"""What a probe finds on a line, what it cannot tell, and that it does no harm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from modbus_peer import Board as PeerBoard
from modbus_peer import Wire as PeerWire

from keycabinet.errors import LineHeld, PortUnavailable
from keycabinet.fobs import Fob
from keycabinet.modbus import checksum_fits
from keycabinet.probing import (
    Found,
    Progress,
    Survey,
    UnknownProbe,
    choose,
    probes,
    settings_of,
    survey,
    with_setting,
)
from keycabinet.protocols import kerong, wkly, xor_8a
from keycabinet.readers import uhf
from keycabinet.transport import LineUrl
from simulator.cabinets import MemorySerial, Wire
from simulator.cabinets.board import Mode, RelayBoard
from simulator.cabinets.din_rail import DinRailIo
from simulator.cabinets.eletechsup import EletechsupBoard
from simulator.cabinets.kerong import Cu16Device, Cu48Device
from simulator.cabinets.readers.devices import build_reader_device
from simulator.cabinets.readers.wire import ReaderWire
from simulator.cabinets.wire import AnyBoard
from simulator.cabinets.wkly import WklyDevice
from simulator.cabinets.xor_8a import XorDevice

URL = LineUrl.parse("serial:///dev/nowhere?baudrate=9600")


def shut(locks: int) -> Callable[[int], bool]:
    return lambda channel: channel <= locks


def port(*boards: AnyBoard) -> MemorySerial:
    return MemorySerial("a", Wire(boards))


def reader_port(*kinds: tuple[str, int]) -> MemorySerial:
    fob = Fob.parse("em:0A1B2C3D")
    devices = [build_reader_device(kind, address, lambda: (fob,)) for kind, address in kinds]
    return MemorySerial("a", ReaderWire(devices))


async def look(line: MemorySerial, *families: str, **rest: object) -> Survey:
    chosen = choose(families) if families else None
    try:
        return await survey([URL], chosen=chosen, opener=line.open, **rest)  # type: ignore[arg-type]
    finally:
        line.wire.close()


def named(made: Survey) -> list[tuple[int, str]]:
    return [(each.found.address, each.found.profiles[0]) for each in made.sighted]


async def one(line: MemorySerial, *families: str) -> Found:
    made = await look(line, *families)
    assert len(made.sighted) == 1, made
    return made.sighted[0].found


# -- what is found


async def test_six_different_devices_on_one_line() -> None:
    wire = port(
        RelayBoard(1, 8, 8),
        RelayBoard(2, 16),
        XorDevice(3, 8, sense=shut(8)),
        Cu48Device(4, 48),
        Cu16Device(5, 16),
        WklyDevice(6, 12),
        RelayBoard(30, 32),
        EletechsupBoard(31, 16, 16),
        EletechsupBoard(32, 8),
    )
    made = await look(wire)
    assert named(made) == [
        (1, "waveshare-io-8ch"),
        (2, "waveshare-relay-16"),
        (30, "waveshare-relay-32"),
        (31, "eletechsup-n4d3e16"),
        (32, "eletechsup-r421a08"),
        (3, "xor-8a-8"),
        (4, "kerong-cu48-60"),
        (5, "kerong-cu16"),
        (6, "wkly-12"),
    ]
    assert made.strange == []
    assert not made.echoing


async def test_what_cannot_be_told_apart_is_said() -> None:
    found = await one(port(RelayBoard(1, 8, 8)))
    assert found.profiles == ("waveshare-io-8ch", "waveshare-relay-d-8")
    assert found.version == "2.00"
    assert (found.outputs, found.inputs) == (8, 8)
    assert "answer alike" in found.doubts[0]
    found = await one(port(XorDevice(1, 12, sense=shut(12))))
    assert found.profiles[0] == "xor-8a-12"
    assert set(found.profiles) == {"xor-8a-2", "xor-8a-8", "xor-8a-12", "xor-8a-18", "xor-8a-24"}
    found = await one(port(XorDevice(1, 8)))  # every state is 0
    assert found.profiles[0] == "xor-8a-8"
    assert "guess" in found.doubts[0]


@pytest.mark.parametrize("locks", [32, 50])
async def test_an_8a_map_of_its_own_length(locks: int) -> None:
    found = await one(port(XorDevice(1, locks)))
    assert found.profiles == (f"xor-8a-{locks}",)
    assert found.doubts == ()


async def test_a_dangerous_board_is_found_and_said_to_be_dangerous() -> None:
    board = RelayBoard(1, 8, 8)
    board.link(Mode.TOGGLE)
    found = await one(port(board))
    assert "waveshare-relay-d-8" in found.profiles
    assert "0x1000" in found.doubts[0]
    assert board.modes[0] is Mode.TOGGLE


async def test_a_modbus_board_that_no_profile_fits() -> None:
    peer = PeerBoard(7, version=None)
    made = await survey([URL], chosen=choose(["modbus"]), opener=PeerWire(peer))
    (sighted,) = made.sighted
    assert (sighted.found.address, sighted.found.profiles) == (7, ())
    assert "exception 2" in sighted.found.evidence
    assert peer.pulses == []


async def test_eletechsup_boards_are_silent_where_others_say_no() -> None:
    found = await one(port(EletechsupBoard(1, 8, 8)))
    assert found.profiles == ("eletechsup-n4d8b08",)
    board = EletechsupBoard(1, 16, 16)
    board.settings[0xFA] = 1
    found = await one(port(board))
    assert found.profiles == ("eletechsup-n4d3e16",)
    assert "0x00fa" in found.doubts[0]


async def test_din_rail_io_by_its_whole_map() -> None:
    found = await one(port(DinRailIo(1, 6, 12)))
    assert found.profiles == ("advantech-adam-6050",)
    found = await one(port(DinRailIo(1, 0, 16)))
    assert found.profiles == ("moxa-iologik-e1210",)


async def test_a_wkly_board_of_a_strange_size() -> None:
    found = await one(port(WklyDevice(0, 5)))
    assert found.profiles == ()
    assert found.doubts == ("no profile has 5 channels",)


@pytest.mark.parametrize(
    ("kind", "address"), [("uhf-crc8408", 3), ("rs485-125k-ascii", 2), ("ds2480b", 0), ("rdm6300", 0)]
)
async def test_readers(kind: str, address: int) -> None:
    line = reader_port((kind, address))
    made = await look(line, kind)
    assert [(each.found.address, each.found.profiles) for each in made.sighted] == [(address, (kind,))]
    assert made.sighted[0].found.is_reader


async def test_readers_among_all_families() -> None:
    made = await look(reader_port(("rs485-125k-ascii", 1), ("rs485-125k-ascii", 8)))
    assert named(made) == [(1, "rs485-125k-ascii"), (8, "rs485-125k-ascii")]
    made = await look(reader_port(("uhf-crc8408", 0)))
    assert named(made) == [(0, "uhf-crc8408")]


async def test_two_boards_at_one_address() -> None:
    wire = port(RelayBoard(4, 8, 8))
    wire.wire.on_reply.append(lambda reply: bytes(byte | 0x40 for byte in reply))  # two drivers on the wire
    made = await look(wire, "modbus")
    assert made.sighted == []
    assert [each.address for each in made.strange] == [4]


async def test_an_adapter_that_echoes() -> None:
    wire = port(RelayBoard(1, 8, 8), XorDevice(2, 8, sense=shut(8)), Cu48Device(3, 48))
    wire.wire.echoes.append(lambda: None)
    made = await look(wire)
    assert made.echoing
    assert named(made) == [(1, "waveshare-io-8ch"), (2, "xor-8a-8"), (3, "kerong-cu48-60")]
    empty = port()
    empty.wire.echoes.append(lambda: None)
    made = await look(empty)
    assert (made.sighted, made.strange) == ([], [])


async def test_one_lost_answer_does_not_hide_a_board() -> None:
    wire = port(Cu16Device(2, 16))
    hits = iter([b"\xff\x20"])
    wire.wire.on_reply.append(lambda reply: next(hits, reply))
    made = await look(wire, "kerong-cu16")
    assert named(made) == [(2, "kerong-cu16")]


# -- where and how it looks


async def test_addresses_families_and_settings() -> None:
    wire = port(RelayBoard(40, 8, 8), Cu16Device(0, 16))
    assert (await look(wire, "modbus")).sighted == []
    wire = port(RelayBoard(40, 8, 8), Cu16Device(0, 16))
    assert named(await look(wire, addresses=range(39, 42))) == [(40, "waveshare-io-8ch")]
    with pytest.raises(UnknownProbe, match="kerong-cu16"):
        choose(["telepathy"])
    assert with_setting(URL, "19200E").silence_s < URL.silence_s
    assert settings_of(URL, ()) == (URL,)
    assert [str(each) for each in settings_of(URL, ("9600", "19200E"))] == [
        "serial:///dev/nowhere?baudrate=9600&parity=N",
        "serial:///dev/nowhere?baudrate=19200&parity=E",
    ]
    for wrong in ("9601", "fast", "9600X", ""):
        with pytest.raises(ValueError, match="115200"):
            settings_of(URL, (wrong,))
    with pytest.raises(ValueError, match="baud rate"):
        settings_of(LineUrl.parse("modbus+tcp://host"), ("9600",))


async def test_each_device_is_told_once_and_under_its_url() -> None:
    wire = port(RelayBoard(1, 8, 8))
    urls = settings_of(URL, ("9600", "19200"))
    made = await survey(urls, chosen=choose(["modbus"]), opener=wire.open)  # memory knows no baud rate
    wire.wire.close()
    assert [each.url for each in made.sighted] == [urls[0]]


async def test_progress() -> None:
    told: list[Progress] = []
    await look(port(), "modbus", "kerong-cu16", told=told.append, wait_s=0.1)
    assert [each.done for each in told] == list(range(48))
    assert {each.total for each in told} == {48}
    assert told[0].left_s == pytest.approx(8.0)
    assert told[-1].left_s == pytest.approx(0.1)
    assert (told[0].family, told[0].address) == ("modbus", 1)


async def test_modbus_tcp_is_asked_for_modbus_only() -> None:
    told: list[Progress] = []
    peer = PeerWire(PeerBoard(1), tcp=True)
    made = await survey([LineUrl.parse("modbus+tcp://host")], addresses=(1, 2), opener=peer, told=told.append)
    assert {each.family for each in told} == {"modbus"}
    assert named(made) == [(1, "waveshare-io-8ch")]


async def test_a_tcp_device_that_ignores_the_unit_is_one_device() -> None:
    peer = PeerWire(*(PeerBoard(each) for each in range(1, 33)), tcp=True)
    made = await survey([LineUrl.parse("modbus+tcp://host")], opener=peer)
    assert named(made) == [(1, "waveshare-io-8ch")]
    assert "all 32 units" in made.sighted[0].found.doubts[-1]


async def test_a_held_or_missing_line() -> None:
    wire = port(RelayBoard(1, 8, 8))
    for error in (LineHeld(str(URL), "motorpool serve"), PortUnavailable(str(URL), "gone")):

        async def refuse(_url: LineUrl, _protocol: object, error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)):
            await survey([URL], opener=refuse)  # type: ignore[arg-type]
    wire.wire.close()


# -- harm


def modbus_act(data: bytes) -> bool:
    return len(data) > 3 and checksum_fits(data) and data[1] not in (1, 2, 3, 4)


def uhf_act(data: bytes) -> bool:
    return len(data) > 4 and uhf.FRAMING.fits(data) and data[2] != uhf.Command.INFO


ACTS = (
    lambda data: (
        xor_8a.FRAMING_8A.fits(data) and data[0] >= xor_8a.Head.UNLOCK and data[3] in (0x10, 0x11, 0x33)
    ),
    lambda data: len(data) > 3 and kerong.CU48.fits(data) and data[3] != 0x60,
    lambda data: len(data) > 2 and kerong.CU16.fits(data) and data[2] != 0x30,
    lambda data: wkly.FRAMING_WKLY.fits(data) and data[6] != wkly.Command.ASK_ALL,
)


async def test_nothing_that_is_sent_can_be_taken_for_an_act_by_any_board() -> None:
    wire = port(RelayBoard(1, 8, 8), XorDevice(138, 8), WklyDevice(2, 8), Cu48Device(2, 48))
    made = await look(wire, addresses=range(256), wait_s=0.05)
    assert len(made.sighted) == 4
    frames = [frame.data for frame in wire.wire.log.frames if frame.is_request]
    assert len(frames) > 1000
    assert not [frame.hex(" ") for frame in frames if modbus_act(frame) or uhf_act(frame)]
    sent = b"".join(frames)  # boards that look for a head do not mind silence
    for start in range(len(sent)):
        for size in range(5, 19):
            data = sent[start : start + size]
            assert not any(act(data) for act in ACTS), data.hex(" ")


async def test_no_relay_and_no_coil_moves() -> None:
    moved: list[tuple[int, bool]] = []

    def switched(channel: int, on: bool) -> None:
        moved.append((channel, on))

    await look(
        port(
            RelayBoard(1, 8, 8, switched=switched),
            XorDevice(2, 8, switched=switched),
            Cu48Device(3, 48, switched=switched),
            Cu16Device(4, 16, switched=switched),
            WklyDevice(5, 8, switched=switched),
        )
    )
    assert moved == []


def test_every_probe_says_where_it_looks() -> None:
    families = [probe.family for probe in probes()]
    assert len(set(families)) == len(families)
    for probe in probes():
        assert set(probe.usual) <= set(probe.addresses)
        assert probe.tried(None)
        assert probe.title
        assert probe.factory
