"""Plays one scenario with one seed in virtual time: the station, its people, what goes wrong, and who watches."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from lifecycle import Site, load_site
from lifecycle.roster import Roster
from simulator import acts, virtual_time
from simulator.board import BoardReading, read_board
from simulator.crash_points import CrashPoints
from simulator.faults import Faults, WallClock
from simulator.faults.by_board import FaultsByBoard, Tally
from simulator.faults.disk import Disk
from simulator.host import Host
from simulator.invariants import INVARIANTS, Invariants, Violation
from simulator.invariants.durable import Recorded
from simulator.kiosk import Kiosk
from simulator.made_up import make_up
from simulator.pacing import CountingPacer
from simulator.people.crowd import Crowd
from simulator.people.person import Person, Trip
from simulator.people.stage import Stage
from simulator.process import StationProcess
from simulator.recoveries import Recoveries, Recovery
from simulator.scenario import Act, Scenario
from simulator.station import SimulatedStation
from simulator.timespan import DAY_S, moment
from simulator.world import Change

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
"""The wall clock at the beginning of day 1: a Monday."""
LAST_LINES = 25
FRAMES_KEPT = 64
SETTLING_S = 900.0
"""How long a station is left alone at the end, with every fault over, before the board is read."""
_LOGGED = ("keycabinet", "vehicle", "lifecycle")


class _Stumbles(logging.Handler):
    """Hears what the library logs, shows none of it (the faults were asked for), and passes on what it stumbled over:
    an exception that it caught where none may come from is a bug, however well the station lives with it."""

    def __init__(self, stumbled: Callable[[str], None]) -> None:
        super().__init__()
        self._stumbled = stumbled

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            self._stumbled(f"{record.getMessage()}: {record.exc_info[1]!r}")


@dataclass(frozen=True, slots=True)
class Setting:
    """What to play: a scenario, a seed, how long, and what is left out of it (a smaller case of the same failure)."""

    scenario: Scenario
    seed: int
    days: float
    people: float = 1.0
    """How many of the people of each shift come, 0 to 1; at 0 nobody does anything by themselves."""
    faults: tuple[str, ...] | None = None
    """Kinds of fault that may happen; None: those of the scenario."""
    until_s: float | None = None
    stop_at_violation: bool = False
    kill_at: int | None = None
    """The number of the crash point at which the program is killed."""
    count_points: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of it. Plain data: it crosses from one process to another."""

    seed: int
    days: float
    kill_at: int | None = None
    digest: str = ""
    violations: list[Violation] = field(default_factory=list)
    last_lines: list[str] = field(default_factory=list)
    faults: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By kind: how many were injected, how many were met."""
    by_board: Tally = field(default_factory=dict)
    recoveries: list[Recovery] = field(default_factory=list)
    checks: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    did: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    by_hour: list[int] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    """What each crash point was, in order; only where they were asked for."""
    board: list[BoardReading] = field(default_factory=list)


def folder_for_ledgers() -> str | None:
    """Where ledgers cost no disk: memory, where the host has such a folder."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    return str(memory) if memory.is_dir() else None


def play(setting: Setting, tell: Callable[[str], None] | None = None) -> Outcome:
    """Play it in virtual time, in this process. `tell` hears each thing that happens, as a line of text."""
    with tempfile.TemporaryDirectory(prefix="motorpool-", dir=folder_for_ledgers()) as folder:
        return virtual_time.run(Play(setting, Path(folder), tell).run(), seed=setting.seed)


def site_of(scenario: Scenario, folder: Path) -> Site:
    """The scenario's own site with its ledger in `folder`, or one that is made up."""
    station, people = scenario.station, scenario.people
    if station.site is not None:
        site = load_site(scenario.path.parent / station.site)
        return site.located(folder, site.roster)
    return make_up(
        folder,
        cabinets=station.cabinets,
        slots=station.slots,
        cars=station.cars,
        officers=station.officers,
        terminals=station.terminals,
        sealed=station.sealed,
        sergeants=people.sergeants,
        workshop=people.mechanics + people.garage_drivers,
        every_board=station.every_board,
    )


class Play:
    """One run. What scripted acts reach is public: `world`, `kiosk`, `faults`, `host`, `stage`, `trips`, `orders`."""

    def __init__(self, setting: Setting, folder: Path, tell: Callable[[str], None] | None) -> None:
        self._setting = setting
        self._tell = tell
        self._last: deque[tuple[float, str, object]] = deque(maxlen=LAST_LINES)
        self._last_before: list[str] = []
        self._by_hour: Counter[int] = Counter()
        self._seen: Counter[str] = Counter()
        self._pacers: dict[str, CountingPacer] = {}
        self.scenario = setting.scenario
        self.site = site_of(self.scenario, folder)
        self.clock = WallClock(MIDNIGHT)
        self.station = SimulatedStation(self.site, seed=setting.seed, radio="memory", clock=self.clock.true)
        self.world = self.station.world
        self.world.forget_log()
        for log in self.station.logs.values():
            log.keep(FRAMES_KEPT)
        self.trips: dict[str, list[Trip]] = {}
        self.orders: dict[str, str] = {}

    @property
    def pool_roster(self) -> Roster:
        return self.site.roster

    def person(self, ref: str) -> Person:
        """Somebody of the roster, by id, badge or name."""
        roster = self.site.roster
        named = [each.id for each in roster.officers.values() if each.name == ref]
        return self.crowd.people[named[0] if named else roster.officer(ref).id]

    def keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Let something go on by itself until the end."""
        self.stage.send(work, name)

    async def run(self) -> Outcome:
        """Play it."""
        hears = _Stumbles(lambda text: self.invariants.ground.violated("run", text))
        async with self.station.running("memory"):
            self._set_up()
            for name in _LOGGED:
                logging.getLogger(name).addHandler(hears)
            keeper = asyncio.get_running_loop().create_task(self.host.run(), name="the host")
            try:
                readings = await self._days()
            finally:
                await self._tear_down(keeper)
                for name in _LOGGED:
                    logging.getLogger(name).removeHandler(hears)
        self.invariants.end()
        return self._outcome(readings)

    def _set_up(self) -> None:
        setting, loop = self._setting, asyncio.get_running_loop()
        ids = Random(f"{setting.seed}/ids")
        disk, clock = Disk(Random(f"{setting.seed}/disk")), self.clock
        self.process = StationProcess(
            self.site,
            self.station,
            disk,
            clock=clock,
            ids=lambda kind: f"{kind}_{ids.randbytes(6).hex()}",
            options=self._options,
        )
        self.faults = Faults(self.station.hardware, Random(f"{setting.seed}/faults"), disk=disk, clock=clock)
        self.by_board = FaultsByBoard(self.faults, self.station.hardware)
        self.kiosk = Kiosk(self.process)
        self.stage = Stage(
            self.world,
            self.kiosk,
            self.site.roster,
            seed=setting.seed,
            rate=self.scenario.rate,
            disturb=self._disturb,
            terminals=self.station.terminals,
        )
        self.crowd = Crowd(self.stage, self.scenario, share=setting.people)
        self.invariants = Invariants(self.process, self.kiosk, self.stage, self.faults)
        self.invariants.recorded.append(self._recorded)
        self.recoveries = Recoveries(self.process, self.invariants, self.stage.send)
        self.faults.subscribe(self.recoveries.moment)
        self.world.subscribe(self._changed)
        loop.set_exception_handler(self._unhandled)
        self.host = Host(self.process, self.faults, lambda text: self.invariants.ground.violated("I7", text))
        self.process.told.append(lambda what: self._line(loop.time(), "host", what))
        self.points = CrashPoints(setting.kill_at, listing=setting.count_points)
        self.process.at_point = self.points.here

    def _options(self) -> Mapping[str, Any]:
        """For each start: the hardware, with the polls counted over all of them."""
        options = self.station.options()
        for name, pacer in options["pacers"].items():
            self._pacers.setdefault(name, CountingPacer(pacer)).pacer = pacer
        return {**options, "pacers": self._pacers}

    def _unhandled(self, _loop: object, context: Mapping[str, Any]) -> None:
        """An error that nobody waits for, such as that of a callback: no program should have one."""
        self.invariants.ground.violated("run", f"{context['message']}: {context.get('exception')!r}")

    def _disturb(self, kind: str, target: str, for_s: float) -> None:
        try:
            self.faults.inject(kind, target, for_s)
        except ValueError:
            self.stage.did["could_not_disturb"] += 1  # something else is wrong there already

    async def _days(self) -> list[BoardReading]:
        setting, loop = self._setting, asyncio.get_running_loop()
        ends = setting.days * DAY_S
        if setting.people > 0:
            self.crowd.come(setting.days)
        for act in self.scenario.act:
            self.keep(self._act(act), f"act at {moment(act.at)}")
        readings: list[BoardReading] = []
        for check in self.scenario.board:
            if check.at is not None:
                self.keep(self._read_at(check.at, check, readings), "reads the board")
        chances = self._chances()
        trouble = loop.create_task(self.faults.come_and_go(chances), name="faults") if chances else None
        stop = ends if setting.until_s is None else min(ends, setting.until_s)
        await self._until(stop)
        if trouble is not None:
            trouble.cancel()
            await asyncio.gather(trouble, return_exceptions=True)
        if setting.until_s is None and not self._stopped():
            self.faults.clear_all()
            await self._until(ends + SETTLING_S)
            last = [check for check in self.scenario.board if check.at is None]
            readings += [read_board(check, self) for check in last]
        return readings

    def _chances(self) -> dict[str, float]:
        chosen = self._setting.faults
        chances = self.scenario.chances()
        return {name: each for name, each in chances.items() if each and (chosen is None or name in chosen)}

    def _stopped(self) -> bool:
        return self._setting.stop_at_violation and bool(self.invariants.violations)

    async def _until(self, at: float) -> None:
        """Let time pass; with `stop_at_violation` only as long as all is well."""
        loop = asyncio.get_running_loop()
        while loop.time() < at and not self._stopped():
            step = min(at, loop.time() + 60.0) if self._setting.stop_at_violation else at
            await asyncio.sleep(step - loop.time())

    async def _act(self, act: Act) -> None:
        await asyncio.sleep(max(0.0, act.at - asyncio.get_running_loop().time()))
        if act.does is not None:
            await acts.ACTS[act.does].do(self, self.person(str(act.who)), act.details)
        elif act.happens in acts.HAPPENINGS:
            await acts.HAPPENINGS[str(act.happens)].let(self, act.details)
        else:
            await acts.fault(self, str(act.happens).replace(" ", "_"), act.details)

    async def _read_at(self, at: float, check: Any, readings: list[BoardReading]) -> None:
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
        readings.append(read_board(check, self))

    async def _tear_down(self, keeper: asyncio.Task[None]) -> None:
        await self.stage.close()
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        self.faults.clear_all()
        self.host.close()
        if self.process.running:
            await self.process.stop()
        else:
            await self.process.kill()
        if self.stage.failed:
            raise self.stage.failed[0]

    # -- what is told

    def _changed(self, change: Change) -> None:
        self._line(change.at, "world", change)

    def _recorded(self, event: Recorded) -> None:
        self._seen[event.kind] += 1
        if event.kind == "KeySetTaken":
            self._by_hour[int(event.at // 3600)] += 1
        self._line(event.at, "book", event)

    def _line(self, at: float, who: str, what: object) -> None:
        self._last.append((at, who, what))
        if self._tell is not None:
            self._tell(line_of(at, who, what))
        if self.invariants.violations and not self._last_before:
            self._last_before = [line_of(*each) for each in self._last]

    def seen(self, kind: str) -> int:
        """How often an event of this kind stands in the book."""
        return self._seen[kind]

    def _outcome(self, readings: list[BoardReading]) -> Outcome:
        setting, book = self._setting, self.invariants.book
        digest = hashlib.sha256(f"{book.hash.hex()} {self.world.digest()}".encode()).hexdigest()
        wrong = [
            Violation("board", setting.days * DAY_S, str(each)) for each in readings if not each.as_it_must
        ]
        lines = [line_of(*each) for each in self._last]
        logs = self.station.logs.values()
        return Outcome(
            seed=setting.seed,
            days=setting.days,
            kill_at=setting.kill_at,
            digest=digest,
            violations=[*self.invariants.violations, *wrong],
            last_lines=self._last_before or lines,
            faults={
                name: (each.injected, each.met) for name, each in self.faults.counts.items() if each.injected
            },
            by_board=self.by_board.tally,
            recoveries=self.recoveries.recovered,
            checks={name: self.invariants.ground.checks[name] for name in INVARIANTS},
            counts={
                "check_outs": self._seen["KeySetTaken"],
                "returns": self._seen["KeySetReturned"],
                "releases": self._seen["ReleaseIntended"],
                "events": book.seq,
                "starts": self.host.starts,
                "polls": sum(each.polls for each in self._pacers.values()),
                "polls_skipped": sum(each.skipped for each in self._pacers.values()),
                "requests": sum(each.requests for each in logs),
                "unharmed": self.recoveries.unharmed,
                "overtaken": self.recoveries.overtaken,
            },
            did=dict(sorted(self.stage.did.items())),
            refusals=dict(sorted(self.kiosk.refusals.items())),
            points=self.points.passed,
            by_hour=[self._by_hour[hour] for hour in range(math.ceil(setting.days * 24))],
            board=readings,
        )


def line_of(at: float, who: str, what: object) -> str:
    """One thing that happened, as a line of text."""
    words = (what.kind, *what.details) if isinstance(what, Change) else (what,)
    text = " ".join(str(word) for word in words)
    return f"{moment(at)}  {who:<6}  {text}"
