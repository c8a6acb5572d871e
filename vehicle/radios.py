"""Several radios in different places, used as one: whoever hears a vehicle connects to it, the strongest first.

Hearing a vehicle at all is a sighting: where, how loud and when, whatever becomes of the visit. A radio that does not
work leaves the others alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vehicle.errors import ConnectFailed, LinkError, OutOfRange, RadioUnavailable
from vehicle.link import Heard, Link, ListeningRadio, RadioPort

_log = logging.getLogger(__name__)
SETTLE_S: Final = 0.25
"""Seconds that the other radios have to hear a terminal too, once one did; a few advertising intervals."""
UNHEARD_RSSI: Final = -1000
"""Ranks radios that do not tell the strength behind those that do."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A vehicle's terminal was heard: by the radio of which place, how loud (dBm, None if unknown), when (loop, s)."""

    address: str
    place: str
    rssi: int | None
    at: float

    def age(self, now: float) -> float:
        """Seconds since then; `now` is the event loop's time."""
        return max(0.0, now - self.at)


class Radios:
    """Radios by the name of their place; itself a `vehicle.link.RadioPort`. ValueError without any."""

    def __init__(self, radios: Mapping[str, RadioPort], *, settle_s: float = SETTLE_S) -> None:
        if not radios:
            raise ValueError("at least one radio is needed")
        self._radios = dict(radios)
        self._settle_s = settle_s
        self._sightings: dict[str, Sighting] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """Where the radios are."""
        return tuple(self._radios)

    def sighting(self, address: str) -> Sighting | None:
        """Where a terminal was heard last, if ever."""
        return self._sightings.get(address.upper())

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> Link:
        """A link through the radio that hears the terminal best; through the next one if that fails."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + find_s
        places = await self._heard_at(terminal, address, find_s) if len(self._radios) > 1 else self.places
        failures: list[LinkError] = []
        for place in places:
            left_s = max(give_up - loop.time(), self._settle_s)
            try:
                return await self._connect(place, terminal, address, left_s, connect_s)
            except (OutOfRange, ConnectFailed, RadioUnavailable) as error:
                failures.append(error)
        raise failures[0]

    async def close(self) -> None:
        """Stop listening where a radio has to be told."""
        for radio in self._radios.values():
            if isinstance(radio, ListeningRadio):
                await radio.close()

    async def _connect(
        self, place: str, terminal: str, address: str, find_s: float, connect_s: float
    ) -> Link:
        radio = self._radios[place]
        began = asyncio.get_running_loop().time()
        try:
            link = await radio.connect(terminal, address, find_s=find_s, connect_s=connect_s)
        except LinkError:
            heard = radio.last_heard(address) if isinstance(radio, ListeningRadio) else None
            if heard is not None and heard.at >= began:
                self._saw(place, heard)
            raise
        heard = radio.last_heard(address) if isinstance(radio, ListeningRadio) else None
        self._saw(place, heard or Heard(address.upper(), None, asyncio.get_running_loop().time()))
        return link

    async def _heard_at(self, terminal: str, address: str, find_s: float) -> tuple[str, ...]:
        """The places where it is heard, the strongest first; then radios that only connect. Raises LinkError leaves."""
        listening = {name: radio for name, radio in self._radios.items() if isinstance(radio, ListeningRadio)}
        deaf = tuple(name for name in self._radios if name not in listening)
        tasks = {
            name: asyncio.create_task(radio.hear(terminal, address, find_s=find_s))
            for name, radio in listening.items()
        }
        try:
            await self._gather(list(tasks.values()))
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        heard: dict[str, Heard] = {}
        failures: list[BaseException] = []
        for name, task in tasks.items():
            error = None if task.cancelled() else task.exception()
            if error is not None:
                failures.append(error)
                if not isinstance(error, OutOfRange):
                    _log.warning("radio %s: %s", name, error)
            elif not task.cancelled():
                heard[name] = task.result()
                self._saw(name, heard[name])
        if not heard and not deaf:
            raise next((each for each in failures if isinstance(each, OutOfRange)), failures[0])
        ranked = sorted(heard, key=lambda name: -_loudness(heard[name]))
        if ranked:
            self._saw(ranked[0], heard[ranked[0]])
        return (*ranked, *deaf)

    async def _gather(self, tasks: list[asyncio.Task[Heard]]) -> None:
        """Until one heard it and the others had their chance, or none did."""
        pending = list(tasks)
        while pending:
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            pending = [task for task in pending if task not in done]
            if any(task.exception() is None for task in tasks if task in done):
                break
        if pending:
            await asyncio.wait(pending, timeout=self._settle_s)

    def _saw(self, place: str, heard: Heard) -> None:
        self._sightings[heard.address] = Sighting(heard.address, place, heard.rssi, heard.at)


def _loudness(heard: Heard) -> int:
    return UNHEARD_RSSI if heard.rssi is None else heard.rssi
