"""What cannot be right in a board's register map: blocks that overlap, a pulse that is no pulse, counts that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from keycabinet.profile import BoardProfile, Inputs

BITS_A_REGISTER = 16
MOST_REGISTERS = 125
"""That one request may read; Modbus Application Protocol V1.1b3, 6.3."""
LAST_ADDRESS = 0xFFFF
_OUTPUTS = ("outputs", "outputs.switch", "flash")
"""Reading, leaving on and pulsing the same outputs may use the same addresses."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Two places of a profile, as dotted keys, that contradict each other."""

    first: str
    second: str
    text: str


@dataclass(frozen=True, slots=True)
class _Block:
    key: str
    space: str
    addresses: range

    def __str__(self) -> str:
        first, last = self.addresses[0], self.addresses[-1]
        return f"{self.key} at {self.space} {first:04X}" + ("" if first == last else f" to {last:04X}")


def clashes(profile: BoardProfile) -> list[Clash]:
    """Everything in which a profile contradicts itself."""
    return [*_overlaps(profile), *_pulses(profile), *_counts(profile), *_requests(profile)]


def _overlaps(profile: BoardProfile) -> Iterator[Clash]:
    for first, second in combinations(_blocks(profile), 2):
        common = range(
            max(first.addresses.start, second.addresses.start),
            min(first.addresses.stop, second.addresses.stop),
        )
        shared = {first.key, second.key} <= set(_OUTPUTS) and first.addresses == second.addresses
        if first.space == second.space and common and not shared:
            yield Clash(first.key, second.key, f"{first} overlaps {second}")


def _blocks(profile: BoardProfile) -> Iterator[_Block]:
    if profile.outputs:
        yield _read("outputs", profile.outputs)
        switch = profile.outputs.switch
        if switch:
            yield _written("outputs.switch", switch.function, switch.start, profile.outputs.count)
        if profile.flash:
            yield _written("flash", profile.flash.function, profile.flash.start, profile.outputs.count)
    if profile.inputs:
        yield _read("inputs", profile.inputs)
    if profile.control_modes:
        yield _Block(
            "control_modes", "register", _run(profile.control_modes.start, profile.control_modes.count)
        )
    for number, guard in enumerate(profile.guards):
        yield _Block(f"guards.{number}", "register", _run(guard.register_address, 1))
    if profile.version:
        yield _Block("version", "register", _run(profile.version.register_address, 1))


def _run(start: int, count: int) -> range:
    return range(start, start + count)


def _read(key: str, block: Inputs) -> _Block:
    match block.read:
        case "coils":
            return _Block(key, "coil", _run(block.start, block.count))
        case "discrete_inputs":
            return _Block(key, "discrete input", _run(block.start, block.count))
        case "registers":
            return _Block(key, "register", _run(block.start, block.count))
        case "bitmap":
            return _Block(key, "register", _run(block.start, -(-block.count // BITS_A_REGISTER)))


def _written(key: str, function: int, start: int, count: int) -> _Block:
    return _Block(key, "coil" if function == 5 else "register", _run(start, count))


def _pulses(profile: BoardProfile) -> Iterator[Clash]:
    """A word that leaves an output on would never end the pulse."""
    flash, outputs = profile.flash, profile.outputs
    if not flash:
        return
    if not outputs:
        yield Clash("flash", "outputs", "flash pulses outputs, and there are none: [outputs] is missing")
        return
    switch = outputs.switching
    if (switch.function, switch.start) != (flash.function, flash.start):
        return
    timed = range(flash.base, flash.base + flash.longest_ms // flash.unit_ms + 1)
    for name, word in (("on", switch.on), ("off", switch.off)):
        if word == flash.default_word or word in timed:
            text = f"word {word:04X} is a pulse and {name!r} too: nothing would end that pulse"
            yield Clash("flash", "outputs.switch", text)


def _counts(profile: BoardProfile) -> Iterator[Clash]:
    modes, inputs = profile.control_modes, profile.inputs
    if modes and modes.count > (inputs.count if inputs else 0):
        text = f"control_modes.count is {modes.count}, more than the {inputs.count if inputs else 0} inputs"
        yield Clash("control_modes.count", "inputs.count", text)
    if profile.addresses[0] > profile.addresses[1]:
        yield Clash("addresses", "addresses", "the first address comes after the last")


def _requests(profile: BoardProfile) -> Iterator[Clash]:
    """What no request can say, and a pulse that is none."""
    for block in _blocks(profile):
        if block.addresses[-1] > LAST_ADDRESS:
            yield Clash(block.key, block.key, f"{block}: the last address is {LAST_ADDRESS:04X}")
    for key, read in (("inputs", profile.inputs), ("outputs", profile.outputs)):
        if read and read.read == "registers" and read.count > MOST_REGISTERS:
            text = f"{key}.count is {read.count}; one request reads at most {MOST_REGISTERS} registers"
            yield Clash(f"{key}.count", f"{key}.read", text)
    flash = profile.flash
    if flash and flash.default_word is None and flash.default_ms < flash.unit_ms:
        text = f"flash.default_ms is {flash.default_ms}, less than one unit of {flash.unit_ms} ms: no pulse at all"
        yield Clash("flash.default_ms", "flash.unit_ms", text)
    if flash and flash.base + flash.longest_ms // flash.unit_ms > LAST_ADDRESS:
        text = f"flash.longest_ms is {flash.longest_ms}: its word would be beyond FFFF"
        yield Clash("flash.longest_ms", "flash.base", text)
