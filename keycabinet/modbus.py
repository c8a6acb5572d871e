"""Splits Modbus frames and matches replies around pymodbus' PDUs. Knows no I/O and no clock.

pymodbus (3.16) has good PDUs, encoders and CRC; its framers swallow the whole buffer after one frame, wait for ever on
a lying length, and its client accepts a reply of another function or coil. So frames are cut here, and function, byte
count, echoed address and value are compared here. Sources: Modbus Application Protocol V1.1b3; Modbus over Serial Line
V1.02; Modbus Messaging on TCP/IP V1.0b.
"""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteSingleRegisterRequest,
)

from keycabinet.errors import (
    BadChecksum,
    DeviceSilent,
    ExceptionReply,
    ForeignReply,
    KeyCabinetError,
    LyingLength,
    ReplyError,
    WrongReply,
)

T = TypeVar("T")

MAX_RTU_FRAME = 256
"""Longest frame on a serial line: address, 253 bytes of PDU, CRC (Serial Line V1.02, 2.5.1)."""
MAX_MBAP_LENGTH = 254
"""Largest length field: unit and 253 bytes of PDU (Messaging on TCP/IP V1.0b, 3.1.3)."""
REPLY_FUNCTIONS = frozenset((1, 2, 3, 4, 5, 6, 15, 16))
"""What a reply on our lines can be; anything else in front of a frame is noise."""
_EXCEPTION = 0x80


class WriteCoilWord(ModbusPDU):
    """FC05 with the raw 16-bit word: pymodbus' own turns every value into FF00, and other words have meanings too."""

    function_code = 5
    rtu_frame_size = 8

    def __init__(self, address: int = 0, word: int = 0, dev_id: int = 0) -> None:
        super().__init__(dev_id=dev_id, address=address)
        self.word = word

    def encode(self) -> bytes:
        """Address and word, big-endian."""
        return struct.pack(">HH", self.address, self.word)

    def decode(self, data: bytes) -> None:
        """Address and word, big-endian."""
        self.address, self.word = struct.unpack(">HH", data[:4])


def _decoder() -> DecodePDU:
    decoder = DecodePDU(False)
    decoder.register(WriteCoilWord)
    return decoder


_DECODER = _decoder()
_RTU = FramerRTU(_DECODER)
_SOCKET = FramerSocket(_DECODER)


def rtu_frame(pdu: ModbusPDU) -> bytes:
    """The bytes of a request or reply on a serial line."""
    return _RTU.buildFrame(pdu)


def tcp_frame(pdu: ModbusPDU) -> bytes:
    """The bytes of a request or reply on Modbus TCP."""
    return _SOCKET.buildFrame(pdu)


def checksum_fits(frame: bytes) -> bool:
    """Whether the last two bytes are the CRC of the others."""
    return FramerRTU.check_CRC(frame[:-2], (frame[-2] << 8) | frame[-1])


def frame_size(buffer: bytes, offset: int) -> int:
    """Length of the RTU reply that may begin at `offset`: 0 = none can, -1 = too few bytes to tell."""
    head = buffer[offset : offset + 3]
    if not head[0]:
        return 0  # nobody answers from the broadcast address
    if len(head) < 2:
        return -1
    if head[1] & 0x7F not in REPLY_FUNCTIONS:
        return 0
    kind = _DECODER.lookupPduClass(head)
    if kind is None:
        return 0
    size = kind.calculateRtuFrameSize(head)
    return (size or -1) if size <= MAX_RTU_FRAME else 0


class Query(Generic[T]):
    """One request to one address, its bytes on either medium, and what counts as its reply.

    Immutable in use, so a device keeps its queries and sends the same bytes again and again. It is also the reader of
    its own replies on Modbus TCP, where frames come whole (`feed`).
    """

    __slots__ = ("address", "device", "function", "reply_size", "rtu", "tcp_tail")

    noise = stale = 0
    optional = repeats_request = False

    def __init__(self, device: str, request: ModbusPDU, reply_size: int) -> None:
        self.device = device
        self.address = request.dev_id
        self.function = request.function_code
        self.rtu = rtu_frame(request)
        self.tcp_tail = tcp_frame(request)[2:]  # all but the transaction id
        self.reply_size = reply_size

    def value(self, adu: bytes) -> T:
        """The reply's value; raises when the payload does not answer this request."""
        raise NotImplementedError

    def feed(self, adu: bytes) -> T:
        """Judge one whole reply: address, function and payload without check bytes."""
        if adu[0] != self.address:
            raise ForeignReply(self.device, self.address, adu[0])
        if adu[1] != self.function:
            if adu[1] != self.function | _EXCEPTION:
                raise WrongReply(self.device, f"function {self.function} was asked, {adu[1]} answered")
            if len(adu) != 3:
                raise LyingLength(self.device, f"an exception reply of {len(adu)} bytes")
            raise ExceptionReply(self.device, self.function, adu[2])
        return self.value(adu)

    def reader(self) -> RtuReader[T]:
        """A fresh reader for one exchange on a serial line."""
        return RtuReader(self)

    def failure(self, waited_s: float) -> KeyCabinetError:
        """What to say when no reply came."""
        return DeviceSilent(
            self.device,
            f"no reply within {waited_s:.3g} s; check its power, wiring, address and baud rate",
            sent=True,
        )


def _check_count(device: str, adu: bytes, expected: int) -> None:
    if len(adu) < 3 or len(adu) != 3 + adu[2]:
        raise LyingLength(device, f"{len(adu)} bytes, byte count {adu[2] if len(adu) > 2 else 'missing'}")
    if adu[2] != expected:
        raise WrongReply(device, f"{expected} data bytes were asked, {adu[2]} came")


class ReadBits(Query[int]):
    """FC01 or FC02: the value is a mask, bit n = `start` + n. Boards answer whole bytes; excess bits are cut off."""

    __slots__ = ("_bytes", "_mask")

    def __init__(self, device: str, address: int, function: int, start: int, count: int) -> None:
        request = ReadCoilsRequest if function == 1 else ReadDiscreteInputsRequest
        self._bytes = (count + 7) // 8
        self._mask = (1 << count) - 1
        super().__init__(device, request(dev_id=address, address=start, count=count), 5 + self._bytes)

    def value(self, adu: bytes) -> int:
        """The bits as one integer."""
        if len(adu) != 3 + self._bytes or adu[2] != self._bytes:
            _check_count(self.device, adu, self._bytes)
        return int.from_bytes(adu[3:], "little") & self._mask


class ReadRegisters(Query[tuple[int, ...]]):
    """FC03: the value is a tuple of 16-bit words."""

    __slots__ = ("_bytes",)

    def __init__(self, device: str, address: int, start: int, count: int) -> None:
        self._bytes = 2 * count
        request = ReadHoldingRegistersRequest(dev_id=address, address=start, count=count)
        super().__init__(device, request, 5 + self._bytes)

    def value(self, adu: bytes) -> tuple[int, ...]:
        """The registers in rising order."""
        _check_count(self.device, adu, self._bytes)
        reply = ReadHoldingRegistersResponse()
        reply.decode(adu[2:])
        return tuple(reply.registers)


class _Echoed(Query[int]):
    """A write whose reply repeats address and value. The echo proves that it was understood, not that a lock moved."""

    __slots__ = ("_target", "_word")

    repeats_request = True

    def __init__(self, device: str, request: ModbusPDU, word: int) -> None:
        self._target = request.address
        self._word = word
        super().__init__(device, request, 8)

    def value(self, adu: bytes) -> int:
        """The echoed word."""
        if len(adu) != 6:
            raise LyingLength(self.device, f"an echo of {len(adu)} bytes instead of 6")
        echo = WriteCoilWord()
        echo.decode(adu[2:])
        if (echo.address, echo.word) != (self._target, self._word):
            raise WrongReply(
                self.device,
                f"{self._word:#06x} was written to {self._target:#06x}, "
                f"{echo.word:#06x} at {echo.address:#06x} was echoed",
            )
        return echo.word


class WriteCoil(_Echoed):
    """FC05 with a raw word."""

    __slots__ = ()

    def __init__(self, device: str, address: int, coil: int, word: int) -> None:
        if not (0 <= coil <= 0xFFFF and 0 <= word <= 0xFFFF):
            raise ValueError(f"coil {coil} and word {word} must be 0 to 65535")
        super().__init__(device, WriteCoilWord(coil, word, address), word)


class WriteRegister(_Echoed):
    """FC06."""

    __slots__ = ()

    def __init__(self, device: str, address: int, register: int, word: int) -> None:
        request = WriteSingleRegisterRequest(dev_id=address, address=register, registers=[word])
        super().__init__(device, request, word)


class RtuReader(Generic[T]):
    """Finds the reply to one query among noise (`noise` bytes of it), foreign and late frames (`stale`)."""

    __slots__ = ("_buffer", "_fault", "_query", "noise", "repeats_request", "reply_size", "stale")

    optional = False

    def __init__(self, query: Query[T]) -> None:
        self._query = query
        self.repeats_request = query.repeats_request
        self._buffer = b""
        self._fault: ReplyError | None = None
        self.reply_size = query.reply_size
        self.noise = self.stale = 0

    def feed(self, data: bytes) -> T | None:
        """The value once the reply is whole, else None. ExceptionReply when the device refused."""
        buffer = self._buffer + data if self._buffer else data
        query = self._query
        if len(buffer) > 1 and buffer[0] == query.address and buffer[1] == query.function:
            if len(buffer) < query.reply_size and (len(buffer) < 3 or self._is_ours(buffer, 0)):
                self._buffer = buffer
                return None
            if len(buffer) == query.reply_size and checksum_fits(buffer):
                try:
                    return query.feed(buffer[:-2])
                except ReplyError:
                    pass  # judged again, and counted, by the search
        return self._search(buffer)

    def _search(self, buffer: bytes) -> T | None:
        """Try every offset: what looks like the start of a long frame may be noise in front of the real reply."""
        begin, offset, end = 0, 0, len(buffer)  # begin: first byte not yet accounted for
        pending = -1  # first offset at which a frame may have begun that is not whole yet
        while offset < end:
            size = frame_size(buffer, offset)
            if size < 0 or offset + size > end:
                pending = offset if pending < 0 else pending
                if self._is_ours(buffer, offset):
                    break
            elif size:
                frame = buffer[offset : offset + size]
                if checksum_fits(frame):
                    self.noise += offset - begin
                    begin, pending = offset + size, -1
                    found = self._judge(frame[:-2])
                    if found is not None:
                        self._buffer = b""
                        self.noise += end - begin
                        return found
                    offset = begin
                    continue
                self._suspect(frame)
            offset += 1
        keep = max(pending if pending >= 0 else end, end - MAX_RTU_FRAME)
        self.noise += keep - begin
        self._buffer = buffer[keep:]
        return None

    def _is_ours(self, buffer: bytes, offset: int) -> bool:
        head = buffer[offset : offset + 3]
        query = self._query
        if len(head) < 3 or head[0] != query.address or head[1] != query.function:
            return False
        return query.function in (5, 6) or head[2] == query.reply_size - 5

    def _judge(self, adu: bytes) -> T | None:
        """The value of a frame with a right check value, or None for one that answers something else."""
        try:
            return self._query.feed(adu)
        except ReplyError as error:
            self.stale += 1
            self._fault = error
            return None

    def _suspect(self, frame: bytes) -> None:
        """Remember a frame with a wrong check value if it looks like ours, to say so when nothing better comes."""
        query = self._query
        if frame[0] == query.address and frame[1] & 0x7F == query.function and self._fault is None:
            self._fault = BadChecksum(
                query.device,
                f"check value of a {len(frame)}-byte reply is wrong; look for noise, "
                "missing termination or a second master on the line",
            )

    def replies(self, heard: bytes) -> list[bytes]:
        """The frames among these bytes that are whole replies, at most 2."""
        offset, found = 0, list[bytes]()
        while offset < len(heard) and len(found) < 2:
            size = max(frame_size(heard, offset), 0)
            frame = heard[offset : offset + size]
            whole = len(frame) == size > 0 and checksum_fits(frame)
            offset += size if whole else 1
            if whole and self._answers(frame[:-2]):
                found.append(frame)
        return found

    def _answers(self, adu: bytes) -> bool:
        try:
            self._query.feed(adu)
        except KeyCabinetError:
            return False
        return True

    def failure(self, waited_s: float) -> KeyCabinetError:
        """Why the reply never came, as exactly as the bytes tell."""
        query, buffer = self._query, self._buffer
        if self._fault is not None:
            return self._fault
        if len(buffer) > 2 and buffer[0] == query.address and buffer[1] == query.function:
            return LyingLength(
                query.device,
                f"a reply of {frame_size(buffer, 0)} bytes was announced, {query.reply_size} expected, "
                f"{len(buffer)} came; look for noise on the line, or another product than the profile says",
            )
        return query.failure(waited_s)
