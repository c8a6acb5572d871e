"""Compares what a site file says of its cabinets with what their lines answer; lights lamps one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from keycabinet.boards.base import Board, build_board
from keycabinet.cabinet import Cabinet
from keycabinet.config import BoardConfig, CabinetConfig, resolve
from keycabinet.errors import AddressTakenTwice, KeyCabinetError
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.model import LatchState, Mains, Power, Presence, SlotState
from keycabinet.probing import WAIT_S, NotUnderstood, probes
from keycabinet.readers.base import build_reader, reader_kinds
from keycabinet.readers.config import ReaderConfig
from keycabinet.wiring import SlotWiring, Wiring

LAMP_S = 0.7
"""How long a lamp is lit, for somebody who stands before the cabinet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing held against the line: a board, a reader, a slot, a lamp. A `doubt` is worth a look and no fault."""

    cabinet: str
    what: str
    ok: bool
    text: str
    doubt: bool = False


Told = Callable[[str], None]


def _silently(_text: str) -> None:
    pass


class Inspector:
    """Inspects cabinets on opened lines. `told` hears what is looked at next."""

    def __init__(
        self, cabinets: Mapping[str, CabinetConfig], lines: Mapping[str, Line], told: Told = _silently
    ) -> None:
        self._cabinets = cabinets
        self._lines = lines
        self._told = told
        self._sound: dict[str, bool] = {}

    async def devices(self) -> list[Finding]:
        """Every board and reader: does it answer, is it of its profile, is it safe to use?"""
        findings = []
        for name, config in self._cabinets.items():
            found = [await self._board(name, board) for board in config.boards]
            found += [finding for reader in config.readers for finding in await self._reader(name, reader)]
            self._sound[name] = all(each.ok for each in found)
            findings += found
        return findings

    async def _board(self, cabinet: str, config: BoardConfig) -> Finding:
        what = f"board {config.label}"
        self._told(f"{cabinet}: {what}, {config.profile} at address {config.address}")
        line = self._lines[config.line]
        name, doubled = f"{cabinet}/{config.label}", line.stats.doubled_replies
        try:
            said = await _answers(build_board(line, config, name))
            other = await _another_profile(line, config)
            if line.stats.doubled_replies > doubled:
                raise AddressTakenTwice(name, config.address, sure=True)
        except KeyCabinetError as error:
            return Finding(cabinet, what, False, error.text)
        if other is not None:
            return Finding(cabinet, what, False, other)
        return Finding(cabinet, what, True, f"{config.profile}, {said}")

    async def _reader(self, cabinet: str, config: ReaderConfig) -> list[Finding]:
        findings = []
        for slot, address in config.fields(reader_kinds()[config.kind]):
            what = f"reader {config.label}" if slot is None else f"reader {config.label} of slot {slot}"
            self._told(f"{cabinet}: {what}, {config.kind}")
            reader = build_reader(self._lines[config.line], config, address, f"{cabinet}/{config.label}")
            try:
                findings.append(Finding(cabinet, what, True, f"{config.kind}, {await reader.verify()}"))
            except KeyCabinetError as error:
                findings.append(Finding(cabinet, what, False, error.text))
        return findings

    async def slots(self) -> list[Finding]:
        """What each slot's sensors say, in the cabinets whose devices are all as they should be."""
        findings = []
        for name, config in self._cabinets.items():
            if not self._sound.get(name, False):
                continue
            self._told(f"{name}: its slots")
            wiring = resolve(name, config)
            async with Cabinet(name, config, self._lines) as cabinet:
                snapshot = cabinet.snapshot()
            found = [_slot(name, each, snapshot.slot(each.slot)) for each in wiring.slots]
            findings += [*found, *_power(name, wiring, snapshot.power)]
            latched = [each.slot for each in wiring.slots if each.latch is not None]
            if latched and all(snapshot.slot(slot).latch is LatchState.UNLOCKED for slot in latched):
                text = 'every latch reads unlocked; if all are shut, set inverted = ["latches"]'
                findings.append(Finding(name, "latches", True, text, doubt=True))
        return findings

    def lamps(self) -> Iterator[tuple[str, int]]:
        """Cabinet and slot of every lamp that can be lit, in rising order."""
        for name, config in self._cabinets.items():
            if self._sound.get(name, False):
                yield from (
                    (name, each.slot) for each in resolve(name, config).slots if each.lamp is not None
                )

    async def light(self, lamps: Sequence[tuple[str, int]], seconds: float = LAMP_S) -> list[Finding]:
        """Light these lamps one after another, each for so long. A lamp is put out also when somebody gives up."""
        findings = []
        for name in dict.fromkeys(cabinet for cabinet, _ in lamps):
            async with Cabinet(name, self._cabinets[name], self._lines) as cabinet:
                for slot in (slot for owner, slot in lamps if owner == name):
                    self._told(f"{name}: lamp of slot {slot}")
                    findings.append(await _light(cabinet, slot, seconds))
        return findings


async def _answers(board: Board) -> str:
    """Version and counts of a board that can be used; KeyCabinetError of one that cannot."""
    identity = await board.verify()
    shape = board.shape
    if shape.inputs:
        await board.read_inputs(Priority.COMMAND)
    if shape.reads_outputs:
        await board.read_outputs(Priority.COMMAND)
    version = f"version {identity.version}, " if identity.version else ""
    return f"{version}{shape.outputs} outputs, {shape.inputs} inputs"


async def _another_profile(line: Line, config: BoardConfig) -> str | None:
    """What the board seems to be instead; None when it may be what the file says, or nobody can tell."""
    probe = next((each for each in probes() if config.profile in each.profiles), None)
    if probe is None or config.settings or config.address not in probe.addresses:
        return None
    wait_s = WAIT_S if config.reply_timeout_ms is None else config.reply_timeout_ms / 1000
    try:
        found = await probe.ask(line, config.address, wait_s)
    except NotUnderstood as error:
        return error.text
    if found is None or not found.profiles or config.profile in found.profiles:
        return None
    return f"it answers as {' or '.join(found.profiles)} ({found.evidence}), the file says {config.profile}"


def _slot(cabinet: str, wiring: SlotWiring, state: SlotState) -> Finding:
    what, said, faults = f"slot {wiring.slot}", [], []
    if wiring.presence is not None:
        said.append(state.presence.value)
        if state.presence in (Presence.UNKNOWN, Presence.FAULT):
            faults.append("its sensor cannot be believed; look at its wire")
    if wiring.latch is not None:
        said.append(f"latch {state.latch.value}")
        if state.latch is LatchState.UNKNOWN:
            faults.append("its latch cannot be told; look at its wire")
    text = ", ".join(said) or "nothing senses it"
    return Finding(cabinet, what, not faults, "; ".join((text, *faults)))


def _power(cabinet: str, wiring: Wiring, power: Power) -> Iterator[Finding]:
    if wiring.mains is not None:
        lost = power.mains is not Mains.ON
        hint = '; if they are there, set inverted = ["mains"]' if lost else ""
        yield Finding(cabinet, "mains", True, f"{power.mains.value}{hint}", doubt=lost)
    if wiring.battery_low is not None:
        low = power.battery_low is not False
        hint = 'low; if it is charged, set inverted = ["battery_low"]' if low else "good"
        yield Finding(cabinet, "battery", True, hint, doubt=low)


async def _light(cabinet: Cabinet, slot: int, seconds: float) -> Finding:
    what = f"lamp of slot {slot}"
    try:
        await cabinet.set_lamp(slot, True)
        try:
            await asyncio.sleep(seconds)
        finally:
            await cabinet.set_lamp(slot, False)
    except KeyCabinetError as error:
        return Finding(cabinet.name, what, False, error.text)
    return Finding(cabinet.name, what, True, "lit and put out")
