"""Finds Modbus boards: one register first, then which profile's whole map answers. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from keycabinet.boards.base import BoardShape
from keycabinet.boards.modbus import ModbusBoard, ModbusFamily
from keycabinet.config import BoardConfig
from keycabinet.errors import (
    BoardRefused,
    DangerousLinkage,
    DeviceRefused,
    DeviceSilent,
    ExceptionReply,
    ReplyError,
    UnsupportedBoard,
)
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.probing import Found, NotUnderstood, Probe
from keycabinet.profile import BoardProfile, profiles

FAMILY = "modbus"
NOBODY_THERE = (0x0A, 0x0B)
"""What a gateway answers for a unit that is not there (Modbus Application Protocol V1.1b3, 7)."""
GAP_S = 0.01


@dataclass(frozen=True, slots=True)
class _Fit:
    """A profile whose whole map answered. `size` puts the one that explains most first."""

    profile: str
    shape: BoardShape
    version: str | None
    refused: str | None

    @property
    def size(self) -> tuple[bool, int, int]:
        return self.version is not None, self.shape.outputs, self.shape.inputs


def first_registers() -> tuple[int, ...]:
    """Holding registers of which every board answers one; exceptions are answers too, save where boards are silent."""
    registers = []
    for profile in profiles().values():
        outputs = profile.outputs
        if profile.version is not None:
            registers.append((0, profile.version.register_address))
        elif outputs is not None and outputs.switching.function == 6:
            registers.append((1, outputs.switching.start))
    return tuple(dict.fromkeys(register for _, register in sorted(registers)))


async def ask(line: Line, address: int, wait_s: float) -> Found | None:
    """The board at one address, if there is one."""
    try:
        first = await _first_word(line, address, wait_s)
    except (ReplyError, DeviceRefused) as error:
        raise NotUnderstood(error.device, error.text) from error
    if first is None:
        return None
    fits = [
        fit
        for name, profile in profiles().items()
        if profile.addresses[0] <= address <= profile.addresses[1]
        and (fit := await _fit(line, address, name, wait_s)) is not None
    ]
    if not fits:
        doubt = "a Modbus device whose register map no profile fits"
        return Found(FAMILY, address, (), first, doubts=(doubt,))
    most = max(fit.size for fit in fits)
    return _found(address, first, [fit for fit in fits if fit.size == most])


def _found(address: int, first: str, fits: list[_Fit]) -> Found:
    best = fits[0]
    doubts = [best.refused] if best.refused is not None else []
    if len(fits) > 1:
        same = " and ".join(fit.profile for fit in fits)
        doubts.append(f"{same} answer alike; look at the board's label")
    return Found(
        FAMILY,
        address,
        tuple(fit.profile for fit in fits),
        f"{first}; answers for {best.shape.outputs} outputs and {best.shape.inputs} inputs",
        version=best.version,
        outputs=best.shape.outputs,
        inputs=best.shape.inputs,
        doubts=tuple(doubts),
    )


async def _first_word(line: Line, address: int, wait_s: float) -> str | None:
    """What the first register that is answered holds; None when nobody is there."""
    stats = line.stats
    strange = stats.noise_bytes + stats.stale_replies
    for register in first_registers():
        device = ModbusDevice(line, address, reply_timeout_s=wait_s, gap_s=GAP_S)
        try:
            try:
                (word,) = await device.read_holding_registers(register, 1)
            except ReplyError:
                (word,) = await device.read_holding_registers(register, 1)  # perhaps noise
        except DeviceSilent:
            continue
        except ExceptionReply as error:
            if error.code in NOBODY_THERE:
                return None
            return f"register {register:#06x}: exception {error.code} ({error.meaning})"
        return f"register {register:#06x} holds {word}"
    strange = stats.noise_bytes + stats.stale_replies - strange
    if strange:
        raise NotUnderstood(f"{FAMILY} at address {address}", f"{strange} bytes came, which are no answer")
    return None


async def _fit(line: Line, address: int, name: str, wait_s: float) -> _Fit | None:
    config = BoardConfig(line="line", address=address, profile=name, reply_timeout_ms=wait_s * 1000)
    board = ModbusFamily().build(line, config, f"{name} at address {address}")
    version = refused = None
    try:
        await board.read_inputs(Priority.COMMAND)
        await board.read_outputs(Priority.COMMAND)
        await _read_last(board, board.profile)
        version = (await board.verify()).version
    except DangerousLinkage as error:
        refused = error.text  # its map is right, its settings are not
        version = "" if board.profile.version else None
    except BoardRefused as error:
        if isinstance(error, UnsupportedBoard) or board.profile.control_modes is not None:
            return None
        refused = error.text
    except (DeviceRefused, DeviceSilent, ReplyError):
        return None
    return _Fit(name, board.shape, version, refused)


async def _read_last(board: ModbusBoard, profile: BoardProfile) -> None:
    """The last output of boards whose map of all outputs does not show how many there are."""
    outputs = profile.outputs
    if outputs is not None and outputs.read == "bitmap" and outputs.switching.function == 6:
        last = outputs.switching.start + outputs.count - 1
        await board.device.read_holding_registers(last, 1)


PROBES = (
    Probe(
        FAMILY,
        "Modbus relay and input boards",
        ask,
        addresses=range(1, 256),
        usual=range(1, 33),
        profiles=tuple(profiles()),
        questions=2,
        serial_only=False,
    ),
)
