"""Modbus relay and input boards, each described by a profile (`profiles/*.toml`). Tried on simulated boards only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keycabinet.boards.base import BoardIdentity, BoardKind, BoardShape
from keycabinet.config import BoardConfig
from keycabinet.errors import (
    BoardRefused,
    DangerousLinkage,
    DeviceSilent,
    ExceptionReply,
    Problem,
    UnsupportedBoard,
)
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.profile import BoardProfile, profiles

COIL_ON = 0xFF00
COIL_OFF = 0x0000
"""Modbus Application Protocol V1.1b3, 6.5."""


class ModbusBoard:
    """A Board from a profile: FC02 inputs, FC01 relays, the flash command for locks, FC05 for lamps."""

    def __init__(self, device: ModbusDevice, profile: BoardProfile, pulse_ms: int | None = None) -> None:
        self.name = device.label
        self.device = device
        self.profile = profile
        self.shape = BoardShape(profile.outputs.count, profile.inputs.count if profile.inputs else 0)
        self._pulse_word = (pulse_ms or profile.flash.default_ms) // profile.flash.unit_ms

    @property
    def pulse_s(self) -> float:
        """How long one release holds the lock open (s)."""
        return self._pulse_word * self.profile.flash.unit_ms / 1000

    async def verify(self) -> BoardIdentity:
        """Read the version, and on boards with inputs how each input acts on its relay.

        Raises UnsupportedBoard, DangerousLinkage; DeviceSilent and other errors of the line as they come.
        """
        version = self.profile.version
        try:
            (word,) = await self.device.read_holding_registers(version.register_address, 1)
        except ExceptionReply as error:
            raise UnsupportedBoard(
                self.name,
                f"it has no version register {version.register_address:#06x} ({error.meaning}): an older board with "
                "protocol V1, or another product; replace it or name its right profile",
            ) from error
        except DeviceSilent as error:
            if error.sent:
                raise DeviceSilent(
                    self.name,
                    f"{error.text}; a board with protocol V1 (before September 2021) is silent too and cannot be used",
                    sent=True,
                ) from error
            raise
        modes = self.profile.control_modes
        if modes is not None:
            await self._check_linkage(modes.start, modes.count, modes.normal)
        return BoardIdentity(f"{word / version.scale:.2f}")

    async def _check_linkage(self, start: int, count: int, normal: int) -> None:
        try:
            words = await self.device.read_holding_registers(start, count)
        except ExceptionReply as error:
            raise BoardRefused(
                self.name,
                f"it does not tell how its inputs act on its relays ({error.meaning}); check the profile",
            ) from error
        linked = [(channel, word) for channel, word in enumerate(words, 1) if word != normal]
        if linked:
            raise DangerousLinkage(self.name, linked, start)

    async def read_inputs(self, priority: Priority) -> int:
        """FC02 for all inputs at once; 0 on a board without any."""
        inputs = self.profile.inputs
        if inputs is None:
            return 0
        return await self.device.read_discrete_inputs(inputs.start, inputs.count, priority=priority)

    async def read_outputs(self, priority: Priority) -> int:
        """FC01 for all relays at once."""
        outputs = self.profile.outputs
        return await self.device.read_coils(outputs.start, outputs.count, priority=priority)

    async def pulse(self, channel: int) -> None:
        """The flash command: the board itself ends the pulse, even if this host dies."""
        address = self.profile.flash.start + self._index(channel)
        await self.device.write_coil_word(address, self._pulse_word, priority=Priority.RELEASE)

    async def switch(self, channel: int, on: bool) -> None:
        """Set one relay and leave it so."""
        address = self.profile.outputs.start + self._index(channel)
        await self.device.write_coil_word(address, COIL_ON if on else COIL_OFF)

    def _index(self, channel: int) -> int:
        if not 1 <= channel <= self.shape.outputs:
            raise ValueError(f"{self.name} has output channels 1 to {self.shape.outputs}, not {channel}")
        return channel - 1


class ModbusFamily:
    """Every board of `profiles/*.toml`."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """Profile names and what each board has."""
        return {
            name: BoardKind(
                BoardShape(profile.outputs.count, profile.inputs.count if profile.inputs else 0),
                profile.title,
                profile.source,
                profile.tried,
                serial_only=False,
            )
            for name, profile in profiles().items()
        }

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """A pulse that the board's timer cannot count, and settings, of which there are none."""
        wrong = [Problem(("settings", key), value, "nothing") for key, value in config.settings.items()]
        unit_ms = profiles()[config.profile].flash.unit_ms
        if config.pulse_ms is not None and config.pulse_ms % unit_ms:
            wrong.append(Problem(("pulse_ms",), config.pulse_ms, f"a multiple of {unit_ms}"))
        return wrong

    def build(self, line: Line, config: BoardConfig, label: str) -> ModbusBoard:
        """A board on an opened line; the site file's timing goes before the profile's."""
        profile = profiles()[config.profile]
        timeout_ms = config.reply_timeout_ms or profile.timing.reply_timeout_ms
        gap_ms = profile.timing.gap_ms if config.gap_ms is None else config.gap_ms
        device = ModbusDevice(
            line,
            config.address,
            reply_timeout_s=timeout_ms / 1000,
            gap_s=gap_ms / 1000,
            depth=config.depth,
            label=label,
        )
        return ModbusBoard(device, profile, config.pulse_ms)
