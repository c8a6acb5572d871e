"""Register maps of Modbus boards as data: a new Modbus board is a TOML file, not code.

Those that come along are in `profiles/`; a site file names any other by its path (`profile_file.py` reads it).
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Space = Literal["coils", "discrete_inputs", "registers", "bitmap"]
"""Where bits are read: FC01, FC02, one holding register a bit (FC03), or the bits of holding registers (FC03)."""


class Inputs(_Strict):
    """A run of inputs: first address, how many, and where they are read."""

    start: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=256)
    read: Space = "discrete_inputs"


class Switch(_Strict):
    """How an output is left on or off: FC05 or FC06 at `start` + channel - 1 with one of two words."""

    function: Literal[5, 6]
    start: int = Field(ge=0, le=0xFFFF)
    on: int = Field(ge=0, le=0xFFFF)
    off: int = Field(ge=0, le=0xFFFF)


class Outputs(Inputs):
    """A run of outputs; they are switched as coils where they are read, unless `switch` says otherwise."""

    read: Space = "coils"
    switch: Switch | None = None

    @property
    def switching(self) -> Switch:
        """How an output is left on or off (FF00 and 0000: Modbus Application Protocol V1.1b3, 6.5)."""
        return self.switch or Switch(function=5, start=self.start, on=0xFF00, off=0x0000)


class Flash(_Strict):
    """The timed "on" that ends in the board: FC05 or FC06 at `start` + channel - 1.

    The word is `base` + duration / `unit_ms`; `default_word`, where there is one, is the board's own fixed pulse of
    `default_ms`.
    """

    start: int = Field(ge=0, le=0xFFFF)
    unit_ms: int = Field(ge=1)
    default_ms: int = Field(ge=1)
    function: Literal[5, 6] = 5
    base: int = Field(default=0, ge=0, le=0xFFFF)
    default_word: int | None = Field(default=None, ge=0, le=0xFFFF)
    longest_ms: int = Field(default=10_000, ge=1)

    def word(self, pulse_ms: int | None) -> int:
        """What to write for a pulse; None for the board's usual one."""
        if pulse_ms is None and self.default_word is not None:
            return self.default_word
        return self.base + (pulse_ms or self.default_ms) // self.unit_ms


class Guard(_Strict):
    """A holding register that must read `safe`, where the board has it; `why` says what another value would do."""

    register_address: int = Field(ge=0, le=0xFFFF)
    safe: int = Field(default=0, ge=0, le=0xFFFF)
    why: str


class ControlModes(_Strict):
    """How each input acts on its relay: holding registers from `start`, one a channel; only `normal` is safe."""

    start: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=125)
    normal: int = 0


class Version(_Strict):
    """The holding register with the software version times `scale`."""

    register_address: int = Field(ge=0, le=0xFFFF)
    scale: int = Field(ge=1)


class Timing(_Strict):
    """`gap_ms`: least silence between this board's frames and another's; `reply_timeout_ms`: until a reply starts."""

    gap_ms: float = Field(ge=0, le=1000)
    reply_timeout_ms: float = Field(ge=10, le=5000)


class BoardProfile(_Strict):
    """One kind of Modbus board; `tried` says on what it was ever tried, `source` where the facts come from.

    Without `flash` nothing but the host ends a pulse, so no lock may hang on it.
    """

    title: str
    source: str
    tried: str
    outputs: Outputs | None = None
    inputs: Inputs | None = None
    flash: Flash | None = None
    control_modes: ControlModes | None = None
    guards: tuple[Guard, ...] = ()
    version: Version | None = None
    timing: Timing
    addresses: tuple[int, int] = (1, 255)


@cache
def profiles() -> dict[str, BoardProfile]:
    """Every built-in profile by its name, in the order of the names."""
    folder = files("keycabinet") / "profiles"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {
        name.removesuffix(".toml"): BoardProfile.model_validate(
            tomllib.loads((folder / name).read_text(encoding="utf-8"))
        )
        for name in names
    }
