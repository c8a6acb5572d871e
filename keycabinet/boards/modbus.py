"""Modbus relay and input boards, each described by a profile (a TOML file). Tried on simulated boards only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from keycabinet.boards.base import BoardIdentity, BoardKind, BoardShape
from keycabinet.boards.lock_settings import settings_problems
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
from keycabinet.profile import BoardProfile, Guard, Inputs, Space, profiles
from keycabinet.profile_file import profile_named


class ModbusBoard:
    """A Board from a profile: how bits are read, which command ends a pulse by itself, what must be checked first."""

    __slots__ = ("_pulse_ms", "device", "name", "profile", "shape")

    def __init__(self, device: ModbusDevice, profile: BoardProfile, pulse_ms: int | None = None) -> None:
        self.name = device.label
        self.device = device
        self.profile = profile
        self.shape = _shape(profile)
        self._pulse_ms = pulse_ms

    @property
    def pulse_s(self) -> float:
        """How long one release holds the lock open (s); 0 on a board that gives no pulse."""
        flash = self.profile.flash
        return (self._pulse_ms or flash.default_ms) // flash.unit_ms * flash.unit_ms / 1000 if flash else 0.0

    async def verify(self) -> BoardIdentity:
        """Read the version, and on boards with inputs how each input acts on its relay.

        Raises UnsupportedBoard, DangerousLinkage; DeviceSilent and other errors of the line as they come.
        """
        version = await self._read_version()
        for guard in self.profile.guards:
            await self._check_guard(guard)
        modes = self.profile.control_modes
        if modes is not None:
            await self._check_linkage(modes.start, modes.count, modes.normal)
        return BoardIdentity(version)

    async def _read_version(self) -> str | None:
        version = self.profile.version
        if version is None:
            await self._alive()
            return None
        try:
            (word,) = await self.device.read_holding_registers(version.register_address, 1)
        except ExceptionReply as error:
            if error.not_now:
                raise
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
        return f"{word / version.scale:.2f}"

    async def _check_guard(self, guard: Guard) -> None:
        word = await self._guarded(guard.register_address)
        if word is not None and word != guard.safe:
            raise BoardRefused(
                self.name,
                f"holding register {guard.register_address:#06x} is {word:#06x}: {guard.why}; "
                f"write {guard.safe:#06x}, then open the cabinet again",
            )

    async def _guarded(self, address: int) -> int | None:
        """The register, or None on models that have none and so cannot do what it would switch on.

        Such models are silent about it, twice, while they answer anything else.
        """
        for _ in range(2):
            try:
                (word,) = await self.device.read_holding_registers(address, 1)
            except ExceptionReply as error:
                if error.not_now:
                    raise
                return None
            except DeviceSilent:
                await self._alive()
            else:
                return word
        return None

    async def _alive(self) -> None:
        await (self.read_inputs if self.profile.inputs else self.read_outputs)(Priority.COMMAND)

    async def _check_linkage(self, start: int, count: int, normal: int) -> None:
        try:
            words = await self.device.read_holding_registers(start, count)
        except ExceptionReply as error:
            if error.not_now:
                raise
            raise BoardRefused(
                self.name,
                f"it does not tell how its inputs act on its relays ({error.meaning}); check the profile",
            ) from error
        linked = [(channel, word) for channel, word in enumerate(words, 1) if word != normal]
        if linked:
            raise DangerousLinkage(self.name, linked, start)

    async def read_inputs(self, priority: Priority) -> int:
        """All inputs at once; 0 on a board without any."""
        inputs = self.profile.inputs
        return 0 if inputs is None else await self._read(inputs, priority)

    async def read_outputs(self, priority: Priority) -> int:
        """All outputs at once; 0 on a board without any."""
        outputs = self.profile.outputs
        return 0 if outputs is None else await self._read(outputs, priority)

    async def _read(self, bits: Inputs, priority: Priority) -> int:
        start, count = bits.start, bits.count
        if bits.read == "coils":
            return await self.device.read_coils(start, count, priority=priority)
        if bits.read == "discrete_inputs":
            return await self.device.read_discrete_inputs(start, count, priority=priority)
        if bits.read == "registers":
            words = await self.device.read_holding_registers(start, count, priority=priority)
            return sum(1 << index for index, word in enumerate(words) if word)
        words = await self.device.read_holding_registers(start, (count + 15) // 16, priority=priority)
        return sum(word << 16 * index for index, word in enumerate(words)) & ((1 << count) - 1)

    async def pulse(self, channel: int) -> None:
        """The flash command: the board itself ends the pulse, even if this host dies."""
        flash = self.profile.flash
        if flash is None:
            raise BoardRefused(self.name, "it ends no pulse by itself, so that no lock may hang on it")
        await self._write(
            flash.function, flash.start + self._index(channel), flash.word(self._pulse_ms), Priority.RELEASE
        )

    async def switch(self, channel: int, on: bool) -> None:
        """Set one output and leave it so."""
        outputs = self.profile.outputs
        if outputs is None:
            raise BoardRefused(self.name, "it has no outputs")
        how = outputs.switching
        word = how.on if on else how.off
        await self._write(how.function, how.start + self._index(channel), word, Priority.COMMAND)

    async def _write(self, function: int, address: int, word: int, priority: Priority) -> None:
        write = self.device.write_coil_word if function == 5 else self.device.write_register
        await write(address, word, priority=priority)

    def _index(self, channel: int) -> int:
        if not 1 <= channel <= self.shape.outputs:
            raise ValueError(f"{self.name} has output channels 1 to {self.shape.outputs}, not {channel}")
        return channel - 1


def _shape(profile: BoardProfile) -> BoardShape:
    return BoardShape(
        profile.outputs.count if profile.outputs else 0,
        profile.inputs.count if profile.inputs else 0,
        locks=profile.flash is not None,
        lamps=profile.outputs is not None,
    )


def kind_of(profile: BoardProfile) -> BoardKind:
    """The product that a profile describes."""
    return BoardKind(
        _shape(profile),
        profile.title,
        profile.source,
        profile.tried,
        addresses=range(profile.addresses[0], profile.addresses[1] + 1),
        serial_only=False,
    )


class MapSettings(BaseModel):
    """`settings` of a Modbus board: where this very one differs from its profile's register map."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    inputs_start: int | None = Field(default=None, ge=0, le=0xFFFF)
    inputs_read: Space | None = None
    outputs_start: int | None = Field(default=None, ge=0, le=0xFFFF)


def _as_set(profile: BoardProfile, settings: MapSettings) -> BoardProfile:
    if settings == MapSettings():
        return profile
    inputs, outputs = profile.inputs, profile.outputs
    if inputs is not None:
        start = inputs.start if settings.inputs_start is None else settings.inputs_start
        inputs = inputs.model_copy(update={"start": start, "read": settings.inputs_read or inputs.read})
    if outputs is not None and settings.outputs_start is not None:
        outputs = outputs.model_copy(update={"start": settings.outputs_start})
    return profile.model_copy(update={"inputs": inputs, "outputs": outputs})


def _profile(config: BoardConfig) -> BoardProfile:
    found = profile_named(config.profile)
    if found is None:
        raise KeyError(config.profile)
    return found


class ModbusFamily:
    """Every board of `profiles/*.toml`, and of profile files elsewhere."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """Names of the profiles that come along, and what each board has."""
        return {name: kind_of(profile) for name, profile in profiles().items()}

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """A pulse that the board's timer cannot count, and settings that are none."""
        wrong = list(settings_problems(MapSettings, config))
        flash, pulse_ms = _profile(config).flash, config.pulse_ms
        if pulse_ms is not None and (
            flash is None or pulse_ms % flash.unit_ms or pulse_ms > flash.longest_ms
        ):
            allowed = f"a multiple of {flash.unit_ms}, up to {flash.longest_ms}" if flash else "nothing"
            wrong.append(Problem(("pulse_ms",), pulse_ms, allowed))
        return wrong

    def build(self, line: Line, config: BoardConfig, label: str) -> ModbusBoard:
        """A board on an opened line; the site file's timing goes before the profile's."""
        settings = MapSettings.model_validate(dict(config.settings))
        profile = _as_set(_profile(config), settings)
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
