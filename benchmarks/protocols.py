"""What the serial benchmarks ask, of what kind of device, and the least time that its wire and its pauses allow.

Between a reply and the next request a line keeps 3.5 characters of silence (1.75 ms above 19200 baud), for every
protocol: no document of these boards asks for less. What a document asks for beyond that is a pause: the rest between
two questions, a reader's scan, the time a reader gets to find a card again, the rhythm of a module that only talks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pymodbus.framer import FramerRTU

from benchmarks.meter import Read
from keycabinet.boards import kerong as kerong_boards
from keycabinet.boards import wkly as wkly_boards
from keycabinet.boards import xor_8a as xor_boards
from keycabinet.boards.base import build_board
from keycabinet.config import BoardConfig
from keycabinet.exchange import Device, Priority
from keycabinet.line import Line
from keycabinet.modbus import ReadBits
from keycabinet.modbus_device import ModbusDevice
from keycabinet.protocols import kerong, wkly, xor_8a
from keycabinet.protocols.framing import Question
from keycabinet.readers import onewire, rdm6300, rs485_ascii, uhf

BITS: Final = 10  # 8N1
DEVICE: Final = "bench"
TIMEOUT_S: Final = 1.0
SCAN_S: Final = 0.1
REPEATS_S: Final = 0.065


@dataclass(frozen=True, slots=True)
class Spoken:
    """One protocol on one device. `reader` gives, for an open line, what is measured.

    `answers` are request, reply, and the seconds between them; `asked` says how often each is asked in one reading.
    """

    title: str
    baud: int
    answers: tuple[tuple[bytes, bytes, float], ...]
    reader: Callable[[Line], Read]
    asked: tuple[int, ...] = (1,)
    rest_s: float = 0.0
    """Documented least time from one question to the next."""
    pause_s: float = 0.0
    """Documented pause within one reading."""

    @property
    def silence_s(self) -> float:
        """Between frames."""
        return 0.00175 if self.baud > 19200 else 3.5 * BITS / self.baud

    @property
    def least_s(self) -> float:
        """The least time of one reading."""
        crossing = sum(
            times * ((len(request) + len(reply)) * BITS / self.baud + delay_s)
            for times, (request, reply, delay_s) in zip(self.asked, self.answers, strict=True)
        )
        silences = sum(self.asked) - (1 if self.pause_s else 0)  # a pause is silence enough
        return max(self.rest_s, crossing + self.pause_s + silences * self.silence_s)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The device, as `paced_lines` takes it."""
        return tuple(f"{request.hex()}={reply.hex()}@{delay_s}" for request, reply, delay_s in self.answers)


def _ask(question: Question[int]) -> Callable[[Line], Read]:
    """The bare protocol: one question after another."""

    def reader(line: Line) -> Read:
        device = Device(DEVICE, reply_timeout_s=TIMEOUT_S)

        async def read() -> None:
            await line.submit(device, question.request, question.reader(), Priority.POLL)

        return read

    return reader


def _poll(profile: str) -> Callable[[Line], Read]:
    """The board as a cabinet polls it, at its own pace."""

    def reader(line: Line) -> Read:
        board = build_board(line, BoardConfig(line=line.name, address=1, profile=profile), DEVICE)

        async def read() -> None:
            await board.read_inputs(Priority.POLL)

        return read

    return reader


def _lock_board(
    title: str, profile: str, baud: int, question: Question[int], reply: bytes, rest_s: float
) -> Mapping[str, Spoken]:
    answers = ((question.request, reply, 0.0),)
    return {
        profile: Spoken(title, baud, answers, _ask(question)),
        f"{profile}-polled": Spoken(f"{title}, polled", baud, answers, _poll(profile), rest_s=rest_s),
    }


def _modbus(line: Line) -> Read:
    device = ModbusDevice(line, 1, reply_timeout_s=TIMEOUT_S)

    async def read() -> None:
        await device.read_discrete_inputs(0, 64)

    return read


def _uhf(line: Line) -> Read:
    reader = uhf.UhfReader(line, 0, DEVICE, antennas=(1,))

    async def read() -> None:
        assert len(await reader.read()) == len(_EPCS)

    return read


def _ascii(line: Line) -> Read:
    reader = rs485_ascii.AsciiReader(line, 1, DEVICE)

    async def read() -> None:
        assert await reader.read()

    return read


def _onewire(line: Line) -> Read:
    reader = onewire.OneWireReader(line, DEVICE)

    async def read() -> None:
        assert await reader.read()

    return read


def _rdm6300(line: Line) -> Read:
    reader = rdm6300.Rdm6300Reader(line, DEVICE)

    async def read() -> None:
        assert await reader.read()

    return read


_INPUTS = ReadBits(DEVICE, 1, 2, 0, 64)
_INPUTS_REPLY = b"\x01\x02\x08" + b"\x5a" * 8
_EPCS = tuple(bytes.fromhex(f"E2843611000010000949{number:04X}") for number in range(8))
_TAGS = b"\x01\x08" + b"".join(bytes((len(epc),)) + epc + b"\x42" for epc in _EPCS)
_CARD = (
    rs485_ascii.Message(True, "1", "F").encode(),
    rs485_ascii.Message(False, "1", "F", "00000FF1A").encode(),
)
_ROM = bytes.fromhex("01B5D6A110000000")[:7]
_FOB = int.from_bytes(_ROM + bytes((onewire.crc8(_ROM),)), "little")
_FOUND = sum((_FOB >> bit & 1) << (2 * bit + 1) for bit in range(64)).to_bytes(16, "little")


def _with_crc(adu: bytes) -> bytes:
    return adu + FramerRTU.compute_CRC(adu).to_bytes(2, "big")


SPOKEN: Final[Mapping[str, Spoken]] = {
    "modbus-rtu": Spoken(
        "Modbus RTU, 64 inputs",
        19200,
        ((_INPUTS.rtu, _with_crc(_INPUTS_REPLY), 3.5 * BITS / 19200),),  # an RTU frame ends by silence
        _modbus,
    ),
    **_lock_board(
        "8A, 24 locks", "xor-8a-24", 9600, xor_8a.AskStates(DEVICE, 1, 24, 3),
        xor_8a.Frame(xor_8a.Head.QUERY, 1, b"\xff\xff\xff\x33").encode(), xor_boards.TIMING.rest_s,
    ),
    **_lock_board(
        "Kerong 60/61, 48 locks and items", "kerong-cu48-60", 19200, kerong.ask_cu48(DEVICE, 1),
        kerong.Frame(b"\x01\x00", 0x75, bytes(12)).encode(), kerong_boards.CU48_TIMING.rest_s,
    ),
    **_lock_board(
        "Kerong CU16, 16 locks and items", "kerong-cu16", 19200, kerong.ask_cu16(DEVICE, 1),
        kerong.Frame(b"\x10", 0x35, bytes(4)).encode(), kerong_boards.CU16_TIMING.rest_s,
    ),
    **_lock_board(
        "WKLY, 8 channels", "wkly-8", 9600, wkly.AskStates(DEVICE, 1, 8),
        wkly.Frame(1, wkly.Command.ASK_ALL, b"\x00\x08" + b"\x01" * 8).encode(), wkly_boards.TIMING.rest_s,
    ),
    "uhf-crc8408": Spoken(
        f"UHF reader, 8 tags, scan time {SCAN_S * 1e3:.0f} ms",
        57600,
        (
            (uhf.build(0, uhf.Command.INVENTORY, uhf.inventory(1, SCAN_S)),
             uhf.Reply(0, uhf.Command.INVENTORY, uhf.Status.DONE, _TAGS).encode(), SCAN_S),
            (uhf.build(0, uhf.Command.INFO),
             uhf.Reply(0, uhf.Command.INFO, uhf.Status.OK, bytes((5, 2, 0x62, 2, 0x31, 0x80, 0x1A, 1))).encode(), 0.0),
        ),
        _uhf,
        asked=(1, 0),
    ),
    "rs485-125k-ascii": Spoken(
        "125 kHz reader on RS-485, card read twice", 9600, ((*_CARD, 0.0),), _ascii, asked=(2,),
        pause_s=rs485_ascii.REREAD_S,
    ),
    "ds2480b": Spoken(
        "1-Wire bridge, one fob searched",
        9600,
        (
            (bytes((onewire.RESET,)), b"\xcd", 0.0),
            (onewire.search_request(0), bytes((onewire.SEARCH_ROM,)) + _FOUND, 0.0),
            (bytes((onewire.COMMAND_MODE, onewire.RESET)), b"\xcd", 0.0),
        ),
        _onewire,
        asked=(1, 1, 0),
    ),
    "rdm6300": Spoken(
        "RDM6300, which only talks", 9600, ((b"", rdm6300.Card(0x67, 0x003B51C6).encode(), REPEATS_S),), _rdm6300,
        asked=(0,), rest_s=REPEATS_S,
    ),
}  # fmt: skip
