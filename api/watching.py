"""What a bare board or a site's cabinet senses, as words by name, and what changes in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from keycabinet.boards.base import build_board
from keycabinet.cabinet import Cabinet
from keycabinet.commissioning import bare_config
from keycabinet.config import CabinetConfig, resolve
from keycabinet.errors import KeyCabinetError
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.transport import LineUrl, Opener, open_link
from keycabinet.wiring import Input, Output, SlotWiring, Wiring
from lifecycle.errors import InvalidRequest
from lifecycle.site import Site

HOLDER = "motorpool cabinet (commissioning)"
EVERY_S = 0.1

State = Mapping[str, str]
"""What each thing reads, in words, by its name: `slot 3`, `input 5`, `door`."""
Read = Callable[[], Awaitable[State]]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that reads differently; `at` in seconds since watching began."""

    at: float
    what: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.now}"


def choose_cabinet(site: Site, name: str | None) -> str:
    """The cabinet meant: the named one, or the only one. InvalidRequest names those that there are."""
    known = ", ".join(site.cabinets)
    if name is None:
        if len(site.cabinets) > 1:
            raise InvalidRequest("--cabinet", None, f"one of {known}")
        return next(iter(site.cabinets))
    if name not in site.cabinets:
        raise InvalidRequest("--cabinet", name, f"one of {known}")
    return name


@asynccontextmanager
async def bare_board(
    url: LineUrl, profile: str, address: int, opener: Opener = open_link
) -> AsyncIterator[Read]:
    """A bare board's channels. LineHeld when a station has the line; reading raises what the line raises."""
    async with await Line.open("watch", url, opener=opener, holder=HOLDER) as line:
        board = build_board(line, bare_config(profile, address), f"{profile} at address {address}")
        shape = board.shape

        async def read() -> State:
            inputs = await board.read_inputs(Priority.POLL)
            state = {f"input {n}": _level(inputs, n) for n in range(1, shape.inputs + 1)}
            if shape.reads_outputs:
                outputs = await board.read_outputs(Priority.POLL)
                state |= {f"output {n}": _level(outputs, n) for n in range(1, shape.outputs + 1)}
            return state

        yield read


def _level(mask: int, channel: int) -> str:
    return "on" if mask >> (channel - 1) & 1 else "off"


@asynccontextmanager
async def lines_of(
    site: Site, config: CabinetConfig, opener: Opener = open_link
) -> AsyncIterator[Mapping[str, Line]]:
    """The lines that one cabinet needs, opened. LineHeld when a station has one of them."""
    names = dict.fromkeys([*(each.line for each in config.boards), *(each.line for each in config.readers)])
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                await Line.open(name, LineUrl.parse(site.lines[name]), opener=opener, holder=HOLDER)
            )
            for name in names
        }


@asynccontextmanager
async def cabinet_of(site: Site, name: str, opener: Opener = open_link) -> AsyncIterator[Read]:
    """A cabinet's slots, door and lost boards. Raises as `lines_of`; BoardRefused for a board that must not be used."""
    config = site.cabinets[name]
    async with lines_of(site, config, opener) as lines, Cabinet(name, config, lines) as cabinet:
        wiring = resolve(name, config)

        async def read() -> State:
            cabinet.attend(1.0)
            return _state(cabinet, wiring)

        yield read


def _state(cabinet: Cabinet, wiring: Wiring) -> State:
    snapshot = cabinet.snapshot()
    state = {}
    if wiring.door_contact is not None:
        state["door"] = snapshot.door.value
    if wiring.mains is not None:
        state["mains"] = snapshot.power.mains.value
    if wiring.battery_low is not None:
        low = snapshot.power.battery_low
        state["battery"] = "unknown" if low is None else "low" if low else "good"
    for each in wiring.slots:
        slot = snapshot.slot(each.slot)
        words = [slot.presence.value] if each.presence is not None else []
        words += [f"latch {slot.latch.value}"] if each.latch is not None else []
        sighting = cabinet.sighting(each.slot)
        words += [str(fob) for fob in sighting.fobs] if sighting is not None else []
        state[f"slot {each.slot}"] = ", ".join(words) or "nothing senses it"
    return state | {f"board {each.board}": each.error or "answers" for each in cabinet.boards()}


def wires_of(site: Site, name: str) -> Mapping[str, str]:
    """Where each slot and the door is wired, by their names in a State."""
    wiring = resolve(name, site.cabinets[name])
    wires = {f"slot {each.slot}": _wires(each) for each in wiring.slots}
    if wiring.door_contact is not None:
        wires["door"] = f"contact {_wire(wiring.door_contact)}"
    if wiring.mains is not None:
        wires["mains"] = _wire(wiring.mains)
    if wiring.battery_low is not None:
        wires["battery"] = _wire(wiring.battery_low)
    return wires


def _wires(slot: SlotWiring) -> str:
    roles: Mapping[str, Input | Output | None] = {
        "lock": slot.lock,
        "key": slot.key,
        "compartment": slot.compartment,
        "latch": slot.latch,
        "lamp": slot.lamp,
    }
    return ", ".join(f"{role} {_wire(wire)}" for role, wire in roles.items() if wire is not None)


def _wire(wire: Input | Output) -> str:
    return f"{wire.board}.{'in' if isinstance(wire, Input) else 'out'}{wire.channel}"


async def watch(read: Read, every_s: float = EVERY_S) -> AsyncGenerator[tuple[State, tuple[Change, ...]]]:
    """Every state that differs from the one before, and in what; the first one first.

    A reading that fails is a state too: `line` says why.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    before: State | None = None
    while True:
        try:
            state = await read()
        except KeyCabinetError as error:
            state = {**(before or {}), "line": str(error)}
        else:
            state = {**state, "line": "answers"}
        if state != before:
            yield state, tuple(_changes(before or state, state, loop.time() - began))
            before = state
        await asyncio.sleep(every_s)


def _changes(before: State, now: State, at: float) -> list[Change]:
    return [
        Change(at, what, before.get(what, "-"), words)
        for what, words in now.items()
        if before.get(what) != words
    ]
