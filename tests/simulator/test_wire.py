from __future__ import annotations

import asyncio
import itertools

import pytest

from keycabinet.errors import LineHeld
from keycabinet.transport import LineUrl
from simulator.cabinets import MemorySerial, RelayBoard, Wire
from simulator.cabinets.frames import seal_rtu

CHARACTER_S = 10 / 9600
SILENCE_S = 3.5 * CHARACTER_S
URL = LineUrl.parse("serial:///dev/ttySIM?baudrate=9600")
READ_RELAYS = bytes.fromhex("0100000008")
FLASH = bytes.fromhex("0502000002")


class Host:
    """What hears the wire, with the time of each chunk."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.heard: list[tuple[float, bytes]] = []
        wire.deliver = self._hear

    def _hear(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.heard)


async def test_request_silence_turnaround_and_reply_take_their_time() -> None:
    wire = Wire([RelayBoard(1, 8)], turnaround_s=0.002)
    host = Host(wire)
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(1)
    [(at, data)] = host.heard
    assert data == seal_rtu(1, b"\x01\x01\x00")
    assert at == pytest.approx(8 * CHARACTER_S + SILENCE_S + 0.002 + 6 * CHARACTER_S)
    assert [frame.is_request for frame in wire.log.frames] == [True, False]
    assert str(wire.log.frames[0]) == "0.000000 -> 01 01 00 00 00 08 3d cc"


async def test_byte_by_byte() -> None:
    wire = Wire([RelayBoard(1, 8)], byte_by_byte=True)
    host = Host(wire)
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(1)
    assert host.data == seal_rtu(1, b"\x01\x01\x00")
    times = [at for at, _ in host.heard]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([CHARACTER_S] * 5)


async def test_a_request_may_come_in_pieces_without_a_hole() -> None:
    wire = Wire([RelayBoard(1, 8)])
    host = Host(wire)
    frame = seal_rtu(1, READ_RELAYS)
    wire.transmit(frame[:3])
    await asyncio.sleep(2 * CHARACTER_S)
    wire.transmit(frame[3:])
    await asyncio.sleep(1)
    assert host.data
    assert wire.log.silence_violations == 0


async def test_a_request_with_a_long_hole_is_two_bad_frames() -> None:
    wire = Wire([RelayBoard(1, 8)])
    host = Host(wire)
    frame = seal_rtu(1, READ_RELAYS)
    wire.transmit(frame[:3])
    await asyncio.sleep(3 * CHARACTER_S + SILENCE_S + 0.001)
    wire.transmit(frame[3:])
    await asyncio.sleep(1)
    assert host.data == b""
    assert wire.log.bad_frames == 2


@pytest.mark.parametrize(("strict", "answers"), [(False, 2), (True, 1)])
async def test_a_request_without_silence_before_it_is_counted_and_dropped_by_strict_boards(
    strict: bool, answers: int
) -> None:
    wire = Wire([RelayBoard(1, 8)], strict=strict)
    host = Host(wire)
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(14 * CHARACTER_S + SILENCE_S + wire.turnaround_s + SILENCE_S / 2)
    assert len(host.heard) == 1
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(1)
    assert len(host.heard) == answers
    assert wire.log.silence_violations == 1


async def test_a_request_after_just_enough_silence_is_fine() -> None:
    wire = Wire([RelayBoard(1, 8)], strict=True)
    loop = asyncio.get_running_loop()
    answers: list[bytes] = []

    def again(data: bytes) -> None:
        answers.append(data)
        if len(answers) < 50:
            loop.call_later(wire.silence_s, wire.transmit, seal_rtu(1, READ_RELAYS))

    wire.deliver = again
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(5)
    assert len(answers) == 50
    assert wire.log.silence_violations == 0


def test_silence_is_fixed_above_19200_baud() -> None:
    async def silence(baudrate: int) -> float:
        return Wire([], baudrate=baudrate, bits_per_character=11).silence_s

    assert asyncio.run(silence(19200)) == pytest.approx(3.5 * 11 / 19200)
    assert asyncio.run(silence(115200)) == 0.00175


async def test_talking_while_a_board_answers_is_a_collision() -> None:
    wire = Wire([RelayBoard(1, 8)])
    host = Host(wire)
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(8 * CHARACTER_S + SILENCE_S + 0.003)
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(1)
    assert host.data == b""
    assert wire.log.collisions == 1
    assert [frame.verdict for frame in wire.log.frames] == ["ok", "collided", "collided"]


async def test_boards_share_a_line_by_address() -> None:
    boards = [RelayBoard(1, 8), RelayBoard(2, 16), RelayBoard(3, 8)]
    wire = Wire(boards)
    host = Host(wire)
    wire.transmit(seal_rtu(2, bytes.fromhex("05000fff00")))
    await asyncio.sleep(1)
    assert boards[1].relays[15]
    assert host.data == seal_rtu(2, bytes.fromhex("05000fff00"))


@pytest.mark.parametrize("why", ["absent", "unpowered", "crc", "noise"])
async def test_silence_instead_of_an_answer(why: str) -> None:
    device = RelayBoard(1, 8)
    device.powered = why != "unpowered"
    wire = Wire([device])
    host = Host(wire)
    frame = seal_rtu(7 if why == "absent" else 1, READ_RELAYS)
    if why == "crc":
        frame = frame[:-1] + bytes((frame[-1] ^ 1,))
    wire.transmit(b"\x55" + frame if why == "noise" else frame)
    await asyncio.sleep(1)
    assert host.data == b""
    assert wire.log.bad_frames == (why in ("crc", "noise"))


async def test_a_broadcast_is_heard_by_all_and_answered_by_none() -> None:
    boards = [RelayBoard(1, 8), RelayBoard(2, 8)]
    wire = Wire(boards)
    host = Host(wire)
    wire.transmit(seal_rtu(0, bytes.fromhex("0500ffff00")))
    await asyncio.sleep(1)
    assert [all(board.relays) for board in boards] == [True, True]
    assert host.data == b""


async def test_a_set_address_is_answered_from_the_old_one() -> None:
    device = RelayBoard(1, 8)
    wire = Wire([device])
    host = Host(wire)
    wire.transmit(seal_rtu(1, bytes.fromhex("0640000004")))
    await asyncio.sleep(1)
    assert host.data == seal_rtu(1, bytes.fromhex("0640000004"))
    wire.transmit(seal_rtu(4, READ_RELAYS))
    await asyncio.sleep(1)
    assert host.heard[1][1][0] == 4


async def test_the_log_finds_what_was_sent() -> None:
    wire = Wire([RelayBoard(1, 8)])
    wire.transmit(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(1)
    wire.transmit(seal_rtu(1, FLASH))
    await asyncio.sleep(1)
    assert len(wire.log.sent(FLASH)) == 1


async def test_a_port_in_memory_has_one_opener_at_a_time() -> None:
    class Protocol(asyncio.Protocol):
        def __init__(self) -> None:
            self.data = b""
            self.lost: list[Exception | None] = []

        def data_received(self, data: bytes) -> None:
            self.data += data

        def connection_lost(self, exc: Exception | None) -> None:
            self.lost.append(exc)

    port = MemorySerial("a", Wire([RelayBoard(1, 8)]))
    first, second = Protocol(), Protocol()
    link = await port.open(URL, first)
    with pytest.raises(LineHeld):
        await port.open(URL, second)
    link.write(seal_rtu(1, READ_RELAYS))
    await asyncio.sleep(1)
    assert first.data == seal_rtu(1, b"\x01\x01\x00")
    link.close()
    link.close()
    link.write(b"too late")
    again = await port.open(URL, second)
    port.unplug()
    await asyncio.sleep(0)
    assert first.lost == [None]
    assert isinstance(second.lost[0], OSError)
    again.close()
    assert not port.connected
