"""A morning at a station, played on simulated hardware that speaks real bytes. `motorpool demo` tells it live.

Three officers, three cabinets on two lines, four cars: two with an adapter that only reads, one with a sealed terminal,
one with none. Take, mobilise and unlock, drive, come home to another slot, lock, a fault code found, the workshop takes
the set, repair, acceptance, ready again. In real time the Modbus bytes cross a pty and a socket at their own speed; in
virtual time the same bytes cross memory. People's waiting is compressed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lifecycle import MotorPool, MotorPoolError, Refused, Site, load_site
from lifecycle.clock import random_id, system_clock
from lifecycle.ledger import verify
from lifecycle.model import parse_slot_label
from simulator import virtual_time
from simulator.faults import Faults
from simulator.station import SimulatedStation
from simulator.terminals.air import AirPacket
from simulator.testing import RunningStation

Speed = Literal["real", "fast"]
_FLASH = bytes((0x05, 0x02))
"""Function 05, write single coil, to an address from 0200 on: switch a relay on for a while."""
MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
MOVED_S = 20.0
DONE = {"mobilise": "mobilised", "unlock": "unlocked", "lock": "locked", "immobilise": "immobilised"}


@dataclass(frozen=True, slots=True)
class Narration:
    """One line of the story: seconds since the start, who, what, and a kind to colour it by."""

    at: float
    who: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class DemoResult:
    ok: bool
    summary: tuple[tuple[str, str], ...]
    ledger_head: str
    events: int


class StoryStuck(Exception):
    """Something went otherwise than it must."""


Tell = Callable[[Narration], None]


def example_site(folder: Path) -> Site:
    """The example station's files, put into a folder of their own (its ledger will stand there too)."""
    packed = (
        Path(__file__).parent / "example_site"
    )  # where the wheel has them; in a checkout they are the examples
    source = packed if packed.is_dir() else Path(__file__).parents[1] / "examples"
    for name in ("site.toml", "roster.toml"):
        shutil.copy(source / name, folder / name)
    return load_site(folder / "site.toml")


def run(speed: Speed, tell: Tell) -> DemoResult:
    """Play the morning and return how it ended. `real` runs on a real event loop, `fast` in virtual time."""
    # "Never tried on hardware" is for whoever has the hardware: nothing here is more than simulated.
    logging.getLogger("keycabinet.boards").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory(prefix="motorpool-demo-") as folder:
        site = example_site(Path(folder))
        played: Coroutine[Any, Any, DemoResult] = play(site, speed, tell)
        return asyncio.run(played) if speed == "real" else virtual_time.run(played)


async def play(
    site: Site, speed: Speed, tell: Tell, hardware: SimulatedStation | None = None, **options: Any
) -> DemoResult:
    """The morning on a running loop; a test passes hardware of its own to look at the bytes.

    `options` are passed on to `MotorPool.open`.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    fast = speed == "fast"
    chance = random.Random(1)

    def say(who: str, text: str, kind: str) -> None:
        tell(Narration(loop.time() - started, who, text, kind))

    station = hardware or SimulatedStation(site, seed=1)
    async with station.running("memory" if fast else "real"):
        on_air: list[AirPacket] = []
        station.terminals.park.taps.append(on_air.append)
        reached: dict[str, Any] = {
            **station.options(),
            "clock": virtual_time.wall_clock(MORNING) if fast else system_clock,
            "ids": (lambda prefix: f"{prefix}_{chance.randbytes(6).hex()}") if fast else random_id,
            "holder": "motorpool demo",
        }
        async with await MotorPool.open(site, **{**reached, **options}) as pool:
            morning = Morning(RunningStation(pool, station, Faults(station.hardware, chance)), say)
            try:
                await morning.play()
            except (StoryStuck, TimeoutError, MotorPoolError) as stuck:
                say("station", f"the story got stuck: {type(stuck).__name__} {stuck}", "refused")
            health, summary, well = pool.health(), morning.summary(), morning.went_well()
        summary = (*summary, *_traffic(station, len(on_air)))
    verified = await loop.run_in_executor(None, verify, site.ledger_path)
    whole = (verified.head.seq, verified.head.hash) == (health.ledger_seq, health.ledger_head)
    took = f"{loop.time() - started:.1f} s {'virtual' if fast else 'real'} time"
    closing = (("ledger", f"{verified.head.seq} events, chain verified"), ("duration", took))
    return DemoResult(well and whole, (*summary, *closing), verified.head.hash, verified.head.seq)


def _traffic(station: SimulatedStation, packets: int) -> Iterator[tuple[str, str]]:
    for name, log in station.logs.items():
        broken = (
            f", {log.silence_violations} broken silences" if station.urls[name].startswith("serial") else ""
        )
        yield f"line {name}", f"{log.requests} Modbus requests, {log.replies} replies{broken}"
    yield "Bluetooth", f"{packets} packets"


class Morning:
    """The story. People act on the world; the pool only sees what its hardware tells it."""

    def __init__(self, station: RunningStation, tell: Callable[[str, str, str], None]) -> None:
        self._station = station
        self._pool = station.pool
        self._world = station.world
        self._tell = tell
        self._taken = 0
        self._returned = 0
        self._refused: list[str] = []
        self._codes: tuple[str, ...] = ()
        self._moved: list[str] = []

    async def play(self) -> None:
        ready = [each.fleet_number for each in self._pool.vehicles() if each.availability == "ready"]
        self._tell("station", f"open: {', '.join(ready)} ready; cabinets " + self._cabinets(), "station")
        patrol = await self._take("Li Wei", "013542", vehicle="P-112")
        await self._starts_by_key(patrol)
        other = await self._take("Zhang Min", "020117", vehicle_class="patrol")
        await self._moved_under_grant(other, "mobilise", "unlock")
        van = await self._take("Wang Fang", "027730", vehicle="K-07")
        await self._starts_by_key(van)
        await self._refuse("Zhang Min", "020117", "K-03")
        self._drive("Li Wei", "v-112", 48.2, dtcs=("P0301",))
        self._drive("Zhang Min", "v-118", 17.5)
        self._drive("Wang Fang", "v-207", 31.0)
        await self._come_home("Li Wei", patrol, "B-05")
        await self._telemetry("v-112")
        await self._refuse("Zhang Min", "020117", "P-112")
        await self._come_home("Wang Fang", van, "C-01")
        await self._come_home("Zhang Min", other, "A-02")
        await self._moved_under_grant(other, "lock", "immobilise")
        await self._telemetry("v-118")
        await self._repair()
        self._tell("station", f"P-112 is {self._pool.vehicle('P-112').availability} again", "station")

    async def _take(self, name: str, badge: str, **wish: str) -> str:
        asked = wish.get("vehicle") or f"any {wish['vehicle_class']} car"
        self._tell(name, f"badge {badge}: asks for {asked}", "officer")
        trip = await self._pool.check_out(officer=badge, **wish)
        self._tell(
            "station",
            f"gives {trip.vehicle.fleet_number}: slot {trip.slot}, key set {trip.key_set}",
            "station",
        )
        await self._pull(trip.slot, trip.key_set)
        view = await trip.taken(within=20)
        self._taken += 1
        self._tell(
            "cabinet", f"{trip.slot} empty: {trip.key_set} is out with {name} ({view.proof})", "cabinet"
        )
        return trip.id

    async def _starts_by_key(self, checkout: str) -> None:
        """A car that nothing has to let go."""
        car = self._pool.roster.vehicle(self._pool.checkout(checkout).vehicle)
        reads = bool(car.terminal.capabilities)
        told = "an adapter that only reads" if reads else "no terminal"
        self._tell(car.fleet_number, f"{told}: its key is all it takes to open and start it", "vehicle")

    async def _moved_under_grant(self, checkout: str, *actions: str) -> None:
        """Wait until the car's sealed terminal has done what a taken set, or one that came home, has ordered."""

        def done() -> dict[str, str]:
            return {
                each.action: each.state
                for each in self._pool.checkout(checkout).actions
                if each.action in actions
            }

        await self._station.until(lambda: list(done().values()) == ["confirmed"] * len(actions), MOVED_S)
        car = self._pool.roster.vehicle(self._pool.checkout(checkout).vehicle)
        self._moved += actions
        papers = self._station.simulated.papers
        held = None if papers is None else papers.at_hand(car.id)
        if held is None:
            raise StoryStuck(f"{car.fleet_number} moved without a grant")
        until = datetime.fromtimestamp(held.grant.expires, UTC)
        said = " and ".join(DONE[action] for action in actions)
        under = f"{said} by its sealed terminal, under grant {held.grant.number} (until {until:%H:%M} UTC)"
        self._tell(car.fleet_number, under, "vehicle")

    async def _pull(self, label: str, key_set: str) -> None:
        await self._station.pull(label, key_set)
        self._show_bytes()

    def _show_bytes(self) -> None:
        """The frame that opened the last slot, as it crossed the wire."""
        frames = (
            (name, frame) for name, log in self._station.simulated.logs.items() for frame in log.sent(_FLASH)
        )
        name, frame = max(frames, key=lambda each: each[1].at)
        self._tell(f"line {name}", f"{frame.data.hex(' ')}  (write single coil: relay on for 200 ms)", "line")

    async def _refuse(self, name: str, badge: str, vehicle: str) -> None:
        try:
            await self._pool.check_out(officer=badge, vehicle=vehicle)
        except Refused as no:
            self._refused.extend(no.codes)
            instead = ", ".join(each.fleet_number for each in no.alternatives) or "nothing else"
            self._tell(
                "station",
                f"refuses {vehicle} to {name}: {no.text()} [{', '.join(no.codes)}; instead: {instead}]",
                "refused",
            )
        else:
            raise StoryStuck(f"{vehicle} was given to {name}, against the rules")

    def _drive(self, name: str, car: str, km: float, dtcs: tuple[str, ...] = ()) -> None:
        if self._world.car(car).restart_blocked:
            raise StoryStuck(f"{car} does not start: it is immobilised")
        self._world.drive(car, km)
        if dtcs:
            self._world.change_car(car, replace(self._world.car(car), stored_dtcs=dtcs))
        self._tell(
            name,
            f"drives {km:g} km" + (f"; the engine stutters ({', '.join(dtcs)})" if dtcs else ""),
            "officer",
        )

    async def _come_home(self, name: str, checkout: str, label: str) -> None:
        trip = self._pool.checkout(checkout)
        self._tell(name, f"comes home, hangs {trip.key_set} in {label} (it left from {trip.slot})", "officer")
        await self._station.bring_home(checkout, label)
        cabinet, _ = parse_slot_label(label)
        if self._pool.cabinet(cabinet).door == "open":
            self._world.shut_door(cabinet)
        self._returned += 1
        self._tell("cabinet", f"{label} holds a set again: {trip.key_set} is home", "cabinet")

    async def _telemetry(self, car: str) -> None:
        returned = self._pool.vehicle(car)
        trip = next(iter(returned.key_sets)).since or ""
        await self._station.until(lambda: _read_since(self._pool.vehicle(car).telemetry, trip))
        view = self._pool.vehicle(car)
        said = view.telemetry
        codes = tuple(said["stored_dtcs"]["value"] or ())
        self._codes = self._codes or codes
        km, fuel = said["odometer_km"]["value"], said["fuel_percent"]["value"]
        shown = f"terminal: {km:.1f} km, fuel {fuel:.0f} %, codes {', '.join(codes) or 'none'}"
        self._tell(view.fleet_number, shown, "vehicle")
        if view.availability == "down":
            self._tell("station", f"{view.fleet_number} is off the road: {view.reasons[0].en}", "refused")

    async def _repair(self) -> None:
        order = await self._pool.open_order("P-112", by="013542", workshop="garage 7")
        self._tell(
            "Li Wei", f"opens work order for P-112: {len(order.defects)} defect(s), garage 7", "officer"
        )
        trip = await self._pool.hand_to_workshop(order.id, by="090001")
        await self._pull(trip.slot, trip.key_set)
        await trip.taken(within=20)
        self._taken += 1
        self._tell("Chen Jun", f"takes {trip.key_set} from {trip.slot} to the workshop", "officer")
        mended = replace(self._world.car("v-112"), stored_dtcs=(), distance_since_clear_km=0.0)
        self._world.change_car("v-112", mended)
        self._tell("workshop", "new ignition coil, codes cleared", "workshop")
        await self._come_home("Chen Jun", trip.id, "A-01")
        await self._telemetry("v-112")
        try:
            await self._pool.accept_repair(order.id, by="090001")
        except Refused as no:
            self._refused.extend(no.codes)
            self._tell("station", f"refuses: {no.text()}", "refused")
        await self._pool.accept_repair(order.id, by="020117")
        self._tell("Zhang Min", "accepts the repair", "officer")

    def _cabinets(self) -> str:
        return ", ".join(
            f"{each.name} ({len(each.slots)} slots, {each.proof})" for each in self._pool.cabinets()
        )

    def went_well(self) -> bool:
        """Everything is where it belongs: every car ready, every set home, the fault found, the wrong asks refused."""
        ready = all(each.availability == "ready" for each in self._pool.vehicles())
        refused = self._refused == ["class_not_listed", "blocking_defect", "same_person"]
        sealed = self._world.car("v-118")
        secured = self._moved == [*DONE] and sealed.doors_locked and sealed.restart_blocked
        counted = self._taken == self._returned == 4
        return ready and refused and secured and counted and self._codes == ("P0301",)

    def summary(self) -> tuple[tuple[str, str], ...]:
        cars = self._pool.vehicles()
        return (
            ("key sets taken", str(self._taken)),
            ("key sets home", str(self._returned)),
            ("refused", ", ".join(self._refused)),
            ("sealed terminal", f"P-118: {', '.join(DONE[each] for each in self._moved)}"),
            ("other terminals", "P-112 and K-03 only read, K-07 has none"),
            ("fault codes found", ", ".join(self._codes)),
            ("cars ready", f"{sum(each.availability == 'ready' for each in cars)} of {len(cars)}"),
        )


def _read_since(telemetry: Any, since: str) -> bool:
    return bool(telemetry) and str(telemetry["odometer_km"]["at"]) > since
