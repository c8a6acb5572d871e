"""Those who stand beside a car with a radio of their own. Needs the `sealed` extra."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from simulator.people.person import HOUR
from simulator.people.stage import Stage
from simulator.station import SealedSide
from simulator.terminals import MemoryRadio
from simulator.terminals.sealed_keys import terminal_key, thief_key
from vehicle.errors import VehicleError
from vehicle.gatt import SEALED
from vehicle.link import Link
from vehicle.sealed.codes import Verb
from vehicle.sealed.commands import COMMAND_ID
from vehicle.sealed.framing import FrameReader, FrameType
from vehicle.sealed.keys import PrivateKey
from vehicle.sealed.visit import Limits, Visit

NAME = "a thief's radio"
FIND_S, CONNECT_S = 5.0, 20.0
BETWEEN_S = 0.3
SOON_S = 60
LATE_S = 300
"""How long after its end a stolen grant counts as stale, in seconds: clocks may be a little apart."""


class _Copy(NamedTuple):
    """A grant that somebody copied, and when it ends (Unix s)."""

    car: str
    signed: bytes
    expires: int


class CarThief:
    """Has recorded what the station last said to each car, and has copied its key and its grants of some days.

    With all that together no door opens: what was recorded is over, and a grant that is still good is another car's, or
    somebody else's.
    """

    def __init__(self, stage: Stage, number: int, side: SealedSide, radio: MemoryRadio) -> None:
        self._stage = stage
        self._chance = stage.chance(f"car thief {number}")
        self._side = side
        self._radio = radio
        self._key = thief_key(number)
        self._talking = False
        self._tapes: dict[str, tuple[int, list[bytes]]] = {}
        self._copies: dict[str, _Copy] = {}
        """The first grant that was copied for each car."""
        self._addresses = {
            car: stage.roster.vehicles[car].terminal.address or "" for car in side.fleet.devices
        }
        for car, address in self._addresses.items():
            radio.on_air(address).taps.append(partial(self._record, car))

    async def night(self) -> None:
        """One night, between midnight and five."""
        await asyncio.sleep(self._chance.uniform(0, 5) * HOUR)
        car = self._chance.choice(list(self._addresses))
        if self._does("replays_a_recording"):
            await self._at(car, self._replay)
        if self._does("presents_a_grant"):
            await self._at(car, self._present)
        self._copy_grants()

    def _does(self, behaviour: str) -> bool:
        if self._chance.random() >= self._stage.rate(behaviour):
            return False
        self._stage.did[behaviour] += 1
        return True

    def _record(self, car: str, connection: int, piece: bytes) -> None:
        if self._talking:
            return
        known, pieces = self._tapes.get(car, (0, []))
        if known != connection:
            pieces = []
        self._tapes[car] = (connection, [*pieces, piece])

    def _copy_grants(self) -> None:
        for car in self._addresses:
            held = self._side.papers.at_hand(car)
            if held is not None:
                self._copies.setdefault(car, _Copy(car, held.signed, held.grant.expires))

    async def _at(self, car: str, trick: Callable[[str, Link], Awaitable[None]]) -> None:
        """Connect to a car's terminal and try something; what it makes of that is its affair."""
        self._talking = True
        try:
            link = await self._radio.connect(NAME, self._addresses[car], find_s=FIND_S, connect_s=CONNECT_S)
            try:
                await trick(car, link)
            finally:
                await link.close()
        except VehicleError:
            self._stage.did["a_terminal_hung_up_on_a_thief"] += 1
        finally:
            self._talking = False

    async def _replay(self, car: str, link: Link) -> None:
        """Say again what the station said, in its pieces."""
        heard = bytearray()
        await link.subscribe(SEALED, heard.extend, lambda: None)
        for piece in self._tapes.get(car, (0, []))[1]:
            await link.write(piece)
            await asyncio.sleep(BETWEEN_S)
        frames = FrameReader().feed(bytes(heard), asyncio.get_running_loop().time())
        if any(frame.type == FrameType.ERROR for frame in frames):
            self._stage.did["a_terminal_refused_a_recording"] += 1

    async def _present(self, car: str, link: Link) -> None:
        """Show a grant, and order the doors open and the engine free whatever was said to it."""
        key, signed = self._choose(car)
        if signed is None:
            return
        new_id = partial(self._chance.randbytes, COMMAND_ID)
        visit = Visit(NAME, link, key, terminal_key(car).public, new_id, Limits())
        await visit.open()
        await visit.ask(Verb.PRESENT, signed)
        for verb in (Verb.UNLOCK, Verb.MOBILISE):
            answer = await visit.ask(verb, self._side.papers.authority.now() + SOON_S)
            refused = answer.code.refusal
            self._stage.did["a_terminal_refused_a_thief" if refused else "a_thief_got_in"] += 1

    def _choose(self, car: str) -> tuple[PrivateKey, bytes | None]:
        """The station's stolen key with a grant that is over or another car's, or the thief's own with a good one."""
        papers = self._side.papers
        others = [held for each in self._addresses if each != car and (held := papers.at_hand(each))]
        copied, held = self._copies.get(car), papers.at_hand(car)
        ways: list[tuple[PrivateKey, bytes]] = []
        if copied is not None and copied.expires + LATE_S < papers.authority.now():
            ways.append((papers.holder, copied.signed))
        if others:
            ways.append((papers.holder, self._chance.choice(others).signed))
        if held is not None:
            ways.append((self._key, held.signed))
        return self._chance.choice(ways) if ways else (self._key, None)
