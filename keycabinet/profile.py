"""Register maps of Modbus boards as data: a new Modbus board is a TOML file in `profiles/`, not code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bits(_Strict):
    """A run of coils (FC01/05) or discrete inputs (FC02): first address and how many."""

    start: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=256)


class Flash(_Strict):
    """The timed "on" that ends in the board: FC05 at `start` + channel - 1, value = duration / `unit_ms`."""

    start: int = Field(ge=0, le=0xFFFF)
    unit_ms: int = Field(ge=1)
    default_ms: int = Field(ge=1)


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
    """One kind of Modbus board; `tried` says on what it was ever tried, `source` where the facts come from."""

    title: str
    source: str
    tried: str
    outputs: Bits
    inputs: Bits | None = None
    flash: Flash
    control_modes: ControlModes | None = None
    version: Version
    timing: Timing


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
