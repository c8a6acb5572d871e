"""The simulated boards against frames that the vendor printed, and against a client that none of us wrote."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType

from simulator.cabinets import ModbusTcpPort, RelayBoard, RtuTcpPort, Wire
from simulator.cabinets.board import Mode
from simulator.cabinets.frames import Mbap, MbapSplitter, open_rtu, seal_rtu

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "waveshare-frames.json").read_text(encoding="utf-8")
)
ANSWERED = [each for each in VECTORS if each["request_hex"] and each["reply_hex"]]
UNANSWERED = [each for each in VECTORS if each["request_hex"] and not each["reply_hex"]]


def board(**options: Any) -> RelayBoard:
    return RelayBoard(1, 8, 8, **options)


def ask(device: RelayBoard, request: str) -> str:
    opened = open_rtu(bytes.fromhex(request))
    assert opened is not None
    reply = device.handle(opened[1])
    assert reply is not None
    return seal_rtu(device.address, reply).hex()


def on(device: RelayBoard) -> list[int]:
    return [channel for channel, is_on in enumerate(device.relays, 1) if is_on]


@pytest.mark.parametrize("vector", ANSWERED, ids=lambda vector: vector["name"])
async def test_the_board_answers_as_the_vendor_printed(vector: dict[str, Any]) -> None:
    device = board(sense=lambda channel: channel == 6)
    if vector["name"] == "read 8 relays 0xB6":
        device.handle(bytes.fromhex("0f0000000801b6"))
    assert ask(device, vector["request_hex"]).upper() == vector["reply_hex"]


@pytest.mark.parametrize("vector", UNANSWERED, ids=lambda vector: vector["name"])
async def test_the_board_understands_what_was_printed_without_a_reply(vector: dict[str, Any]) -> None:
    opened = open_rtu(bytes.fromhex(vector["request_hex"]))
    assert opened is not None
    reply = board().handle(opened[1])
    assert reply is not None
    assert reply[0] == opened[1][0]  # and not an exception


def test_the_frame_printed_with_a_wrong_crc_is_no_frame() -> None:
    [bad] = [each for each in VECTORS if each["kind"] == "bad_published"]
    assert open_rtu(bytes.fromhex(bad["reply_hex"])) is None
    assert open_rtu(b"\x01\x02") is None


async def test_a_flash_ends_by_itself() -> None:
    heard: list[tuple[int, bool, float]] = []
    loop = asyncio.get_running_loop()
    device = board(switched=lambda channel, is_on: heard.append((channel, is_on, round(loop.time(), 3))))
    assert ask(device, "0105020000078DB0") == "0105020000078db0"  # the word comes back as it was sent
    await asyncio.sleep(5)
    assert heard == [(1, True, 0.0), (1, False, 0.7)]


async def test_a_later_command_ends_a_flash() -> None:
    device = board()
    device.handle(bytes.fromhex("0502000002"))  # on for 200 ms
    device.handle(bytes.fromhex("050000ff00"))  # on
    await asyncio.sleep(1)
    assert on(device) == [1]
    device.handle(bytes.fromhex("0504000003"))  # off for 300 ms
    assert on(device) == []
    await asyncio.sleep(0.3)
    assert on(device) == [1]


async def test_all_and_toggle() -> None:
    device = board()
    ask(device, "010500FFFF00BC0A")
    assert on(device) == [1, 2, 3, 4, 5, 6, 7, 8]
    ask(device, "010500005500F29A")
    assert on(device) == [2, 3, 4, 5, 6, 7, 8]
    ask(device, "010500FF5500C2AA")
    assert on(device) == [1]


@pytest.mark.parametrize(
    ("request_hex", "reply_hex"),
    [
        ("0100000009", "8102"),  # beyond the last relay
        ("0200080001", "8202"),
        ("0100000000", "8103"),  # none at all
        ("050008ff00", "8502"),
        ("0500001234", "8503"),
        ("0502000000", "8503"),  # a flash of no length
        ("0502080002", "8502"),
        ("0f0006000401ff", "8f02"),
        ("0310080001", "8302"),
        ("0650000001", "8602"),
        ("0610000009", "8603"),
        ("0640000000", "8603"),
        ("0400000001", "8401"),  # a function it does not have
        ("2b0e0100", "ab01"),
        ("01", "8103"),
    ],
)
async def test_refusals(request_hex: str, reply_hex: str) -> None:
    reply = board().handle(bytes.fromhex(request_hex))
    assert reply is not None
    assert reply.hex() == reply_hex


async def test_boards_without_inputs_have_neither_inputs_nor_modes() -> None:
    device = RelayBoard(1, 16)
    assert device.handle(bytes.fromhex("0200000008")) == b"\x82\x01"
    assert device.handle(bytes.fromhex("0310000001")) == b"\x83\x02"
    assert device.handle(bytes.fromhex("0380000001")) == bytes.fromhex("0302 00c8")


async def test_linked_inputs_drive_relays_until_the_mode_is_set_right() -> None:
    inputs: dict[int, bool] = {}
    device = board(sense=lambda channel: inputs.get(channel, False), linked=True)
    assert device.handle(bytes.fromhex("0310000008")) == bytes.fromhex("0310" + "0001" * 8)
    inputs[3] = True
    device.look()
    assert on(device) == [3]
    device.handle(bytes.fromhex("10 1002 0001 02 0000"))
    inputs[3] = False
    device.look()
    assert on(device) == [3]  # nobody switches it any more
    assert device.modes[2] is Mode.NORMAL


@pytest.mark.parametrize(("mode", "expected"), [(Mode.TOGGLE, [[1], [1], []]), (Mode.EDGE, [[1], [], [1]])])
async def test_toggle_and_edge_modes(mode: Mode, expected: list[list[int]]) -> None:
    pressed = [True]
    device = board(sense=lambda channel: channel == 1 and pressed[0])
    device.handle(bytes((0x06, 0x10, 0x00, 0x00, mode)))
    pressed[0] = False
    device.look()
    device.handle(bytes.fromhex("0500000000"))
    seen = []
    for now in (True, False, True):
        pressed[0] = now
        device.look()
        seen.append(on(device))
    assert seen == expected


async def test_without_supply_a_board_is_mute_and_its_relays_are_off() -> None:
    device = board()
    device.handle(bytes.fromhex("050000ff00"))
    device.powered = False
    assert on(device) == []
    assert device.handle(bytes.fromhex("0100000008")) is None
    device.powered = True
    assert device.handle(bytes.fromhex("0100000008")) == b"\x01\x01\x00"


@given(st.binary(max_size=40))
def test_no_request_breaks_a_board(pdu: bytes) -> None:
    async def main() -> None:
        reply = board().handle(pdu)
        if pdu:
            assert reply is not None
            assert reply[0] & 0x7F == pdu[0] & 0x7F

    asyncio.run(main())


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 255), st.binary(min_size=1, max_size=253))),
    st.data(),
)
def test_frames_are_cut_however_they_arrive(
    frames: list[tuple[int, int, bytes]], data: st.DataObject
) -> None:
    sent = [Mbap(*frame) for frame in frames]
    stream = b"".join(frame.encode() for frame in sent)
    splitter, cut = MbapSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        cut += splitter.feed(stream[:size])
        stream = stream[size:]
    assert cut == sent


@pytest.mark.parametrize("framer", [FramerType.SOCKET, FramerType.RTU])
async def test_the_unmodified_pymodbus_client_reads_and_switches(framer: FramerType) -> None:
    device = RelayBoard(9, 8, 8, sense=lambda channel: channel in (2, 8))
    port = ModbusTcpPort([device]) if framer is FramerType.SOCKET else RtuTcpPort(Wire([device]))
    await port.listen()
    client = AsyncModbusTcpClient(port.host, port=port.port, framer=framer, timeout=1, retries=0)
    assert await client.connect()
    inputs = await client.read_discrete_inputs(0, count=8, device_id=9)
    assert inputs.bits == [False, True, False, False, False, False, False, True]
    assert not (await client.write_coil(4, True, device_id=9)).isError()
    assert (await client.read_coils(0, count=8, device_id=9)).bits == [False] * 4 + [True] + [False] * 3
    assert not (await client.write_coils(0, [True, False, True], device_id=9)).isError()
    assert on(device) == [1, 3, 5]
    assert (await client.read_holding_registers(0x8000, count=1, device_id=9)).registers == [200]
    assert not (await client.write_register(0x1001, 0, device_id=9)).isError()
    refused = await client.read_coils(0, count=9, device_id=9)
    assert refused.isError()
    assert refused.exception_code == 2
    client.close()
    await port.close()


async def test_requests_that_arrive_together_are_all_answered_in_order() -> None:
    port = ModbusTcpPort([RelayBoard(1, 8, 8)])
    await port.listen()
    reader, writer = await asyncio.open_connection(port.host, port.port)
    writer.write(b"".join(Mbap(n, 1, bytes.fromhex("0100000008")).encode() for n in range(8)))
    answers = MbapSplitter().feed(await reader.readexactly(8 * 10))
    assert [answer.transaction for answer in answers] == list(range(8))
    assert asyncio.get_running_loop().time() == pytest.approx(0.008)
    assert (port.log.requests, port.log.replies) == (8, 8)
    writer.close()
    await port.close()


async def test_units_on_modbus_tcp() -> None:
    lone = ModbusTcpPort([RelayBoard(5, 8)])
    read = bytes.fromhex("0100000008")
    for unit in (5, 0, 255):
        assert lone.answer(Mbap(1, unit, read)) == Mbap(1, unit, b"\x01\x01\x00")
    absent = lone.answer(Mbap(1, 6, read))
    assert absent is not None
    assert absent.pdu == b"\x81\x0b"
    lone.boards[0].powered = False
    assert lone.answer(Mbap(1, 5, read)) is None


@pytest.mark.parametrize(
    "garbage", [b"\0\1\0\1\0\6\1\1\0\0\0\1", b"\0\1\0\0\xff\xff\1\1", b"\0\1\0\0\0\1\1\1"]
)
async def test_what_is_no_modbus_tcp_loses_its_connection(garbage: bytes) -> None:
    port = ModbusTcpPort([RelayBoard(1, 8)])
    await port.listen()
    reader, writer = await asyncio.open_connection(port.host, port.port)
    writer.write(garbage)
    assert await reader.read() == b""
    assert port.log.bad_frames == 1
    writer.close()
    await port.close()
