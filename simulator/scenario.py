"""Scenario files: what kind of station, who works there, how they behave, what goes wrong, what the board must show.

A scenario reads like a story. The examples in `simulator/scenarios` come with the package; `load_scenario` finds them
by name. Everything that is wrong with a file is reported at once, with its key, its value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from lifecycle.errors import Problem, SiteError
from lifecycle.tomlfile import problems_of, read_toml
from simulator.acts import ACTS, HAPPENINGS
from simulator.faults import FAULTS
from simulator.made_up_cabinets import SETS
from simulator.people.behaviour import BEHAVIOURS
from simulator.timespan import parse_moment

PACKED = Path(__file__).parent / "scenarios"
Rate = Annotated[float, Field(ge=0.0, le=1.0)]
Often = Annotated[float, Field(ge=0.0, le=1000.0)]


def _texts(parse: Any) -> BeforeValidator:
    def read(value: object) -> object:
        return parse(value) if isinstance(value, str) else value

    return BeforeValidator(read)


Moment = Annotated[float, _texts(parse_moment)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class StationTable(_Table):
    """A site file of one's own (relative to the scenario), or the size of a station to make up.

    With `every_board` the cabinets are those of `simulator.made_up_cabinets`, which have a size of their own.
    """

    site: str | None = None
    every_board: bool = False
    cabinets: int = Field(default=2, ge=1, le=8)
    slots: int = Field(default=32, ge=8, le=256, multiple_of=8)
    cars: int = Field(default=20, ge=1, le=240)
    officers: int = Field(default=24, ge=2, le=500)
    terminals: int = Field(default=8, ge=0, le=240)
    sealed: int = Field(default=0, ge=0, le=240, description="how many of the terminals are sealed ones")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.every_board and self.cars > SETS:
            raise ValueError(
                f"{self.cars} cars; the cabinets of every_board take {SETS}, and some slots stay free"
            )
        if not self.every_board and self.cars > self.slots - self.cabinets:
            raise ValueError(f"{self.cars} cars need more than {self.slots} slots: some have to stay free")
        if self.terminals > self.cars:
            raise ValueError(f"{self.terminals} terminals, but only {self.cars} cars to plug them into")
        if self.sealed > self.terminals:
            raise ValueError(f"{self.sealed} sealed terminals, but only {self.terminals} terminals in all")
        return self


class ShiftTable(_Table):
    """Who comes when, and how much they drive. Officers of the roster are dealt out to the shifts in turn."""

    name: str
    begins: Moment
    ends: Moment
    officers: int = Field(ge=0)
    trips: float = Field(default=2.0, ge=0.0, le=24.0, description="a shift and officer, on average")
    minutes: tuple[float, float] = Field(default=(20.0, 150.0), description="how long a trip takes")


class PeopleTable(_Table):
    """Those who work there beside the officers on shift, and those who should not be there."""

    sergeants: int = Field(default=1, ge=0, le=20)
    mechanics: int = Field(default=1, ge=0, le=20)
    garage_drivers: int = Field(default=1, ge=0, le=20)
    thieves: int = Field(default=0, ge=0, le=20)


class Act(_Table):
    """One scripted thing: somebody `does` something, or something `happens`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    at: Moment
    who: str | None = None
    does: str | None = None
    happens: str | None = None

    @property
    def details(self) -> Mapping[str, Any]:
        return self.model_extra or {}


class BoardCheck(_Table):
    """What the board must show at the end, or at a time: of a car, a set, or how often something happened."""

    at: Moment | None = None
    car: str | None = None
    set: str | None = None
    shows: str | None = None
    slot: str | None = None
    holder: str | None = None
    defects: int | None = None
    event: str | None = None
    every_set: str | None = None
    times: int | None = Field(default=None, ge=0)
    at_least: int | None = Field(default=None, ge=0)
    at_most: int | None = Field(default=None, ge=0)
    health: str | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        subjects = [
            each for each in (self.car, self.set, self.event, self.every_set, self.health) if each is not None
        ]
        if len(subjects) != 1:
            raise ValueError("one of car, set, event, every_set, health says what is looked at")
        if self.event is not None and (self.times, self.at_least, self.at_most) == (None, None, None):
            raise ValueError("an event is counted: times, at_least or at_most")
        if (self.car or self.set) is not None and self.shows is None and self.holder is self.slot is None:
            raise ValueError("shows, slot or holder says what must be seen")
        return self


class ScenarioFile(_Table):
    """A whole scenario file."""

    title: str
    story: str = ""
    waits_for: tuple[str, ...] = ()
    days: float = Field(default=1.0, gt=0.0, le=3660.0)
    station: StationTable = StationTable()
    shift: tuple[ShiftTable, ...] = ()
    people: PeopleTable = PeopleTable(sergeants=0, mechanics=0, garage_drivers=0)
    behaviour: dict[str, Rate] = Field(default_factory=dict)
    usual_faults: float = Field(
        default=0.0, ge=0.0, le=100.0, description="how much more than as usual; 0: none"
    )
    fault: dict[str, Often] = Field(default_factory=dict, description="how many come in a day at the station")
    act: tuple[Act, ...] = ()
    board: tuple[BoardCheck, ...] = ()
    _path: Path = PrivateAttr(default=Path())

    @property
    def path(self) -> Path:
        """Where it was read from."""
        return self._path

    @property
    def name(self) -> str:
        return self._path.stem

    def rate(self, behaviour: str) -> float:
        """How often somebody behaves so, 0 to 1."""
        return self.behaviour.get(behaviour, 0.0)

    def chances(self) -> Mapping[str, float]:
        """By kind of fault: how many come in a day at the whole station."""
        usual = {
            name: min(1.0, kind.chance * self.usual_faults)
            for name, kind in FAULTS.items()
            if self.usual_faults and not kind.for_tests
        }
        return {**usual, **self.fault}

    def read_from(self, path: Path) -> Self:
        """The same, remembering its file."""
        copy = self.model_copy()
        copy._path = path
        return copy


Scenario = ScenarioFile


@dataclass(frozen=True, slots=True)
class Listed:
    """A scenario of the package, for those who look for one."""

    name: str
    title: str
    waits_for: tuple[str, ...]


def packed_scenarios() -> Sequence[Listed]:
    """The scenarios that come with the package."""
    found = [load_scenario(path) for path in sorted(PACKED.glob("*.toml"))]
    return [Listed(each.name, each.title, each.waits_for) for each in found]


def find_scenario(name: str | Path) -> Path:
    """A file, or one of the package's scenarios by name. Raises SiteError."""
    path = Path(name)
    if path.exists():
        return path
    packed = PACKED / path.with_suffix(".toml").name
    if path.parent == Path() and packed.exists():
        return packed
    known = ", ".join(each.stem for each in sorted(PACKED.glob("*.toml")))
    raise SiteError([Problem(str(name), "(file)", str(name), f"a scenario file, or one of {known}")])


def load_scenario(name: str | Path) -> Scenario:
    """Read a scenario. Raises SiteError with everything that is wrong with it."""
    path = find_scenario(name)
    data = read_toml(path)
    model, problems = problems_of(path, ScenarioFile, data)
    problems += _unknown_names(path, data)
    if problems:
        raise SiteError(problems)
    assert isinstance(model, ScenarioFile)
    return model.read_from(path)


def must_be_playable(scenario: Scenario) -> None:
    """Raises SiteError for a story whose rules do not exist yet."""
    if scenario.waits_for:
        waiting = ", ".join(scenario.waits_for)
        allowed = "a scenario that waits for nothing; this one is written down and cannot be played yet"
        raise SiteError([Problem(str(scenario.path), "waits_for", waiting, allowed)])


def _unknown_names(path: Path, data: Mapping[str, Any]) -> list[Problem]:
    """Behaviours, faults and acts that nobody knows, each with those that are known."""
    problems = []
    for table, known in (("behaviour", BEHAVIOURS), ("fault", FAULTS)):
        given = data.get(table, {})
        problems += [
            Problem(str(path), f"{table}.{name}", name, "one of " + ", ".join(known))
            for name in (given if isinstance(given, dict) else ())
            if name not in known
        ]
    acts = data.get("act", [])
    for index, act in enumerate(acts if isinstance(acts, list) else ()):
        if isinstance(act, dict):
            problems += _act_problems(path, f"act.{index}", act)
    return problems


def _act_problems(path: Path, key: str, act: Mapping[str, Any]) -> list[Problem]:
    does, happens = act.get("does"), act.get("happens")
    if (does is None) == (happens is None):
        return [Problem(str(path), key, "(act)", "either who does what, or what happens")]
    if happens is not None:
        return _happening_problems(path, key, str(happens), act)
    if not isinstance(does, str) or does not in ACTS:
        return [Problem(str(path), f"{key}.does", does, "one of " + ", ".join(ACTS))]
    problems = []
    if "who" not in act:
        problems.append(
            Problem(str(path), f"{key}.who", None, "the name or the id of somebody in the roster")
        )
    return problems + _detail_problems(path, key, act, ACTS[does].needs, ACTS[does].takes)


def _happening_problems(path: Path, key: str, happens: str, act: Mapping[str, Any]) -> list[Problem]:
    if happens in HAPPENINGS:
        return _detail_problems(path, key, act, HAPPENINGS[happens].needs, HAPPENINGS[happens].takes)
    if happens.replace(" ", "_") in FAULTS:
        return _detail_problems(path, key, act, (), ("target", "lasts"))
    known = ", ".join((*HAPPENINGS, *(each.replace("_", " ") for each in FAULTS)))
    return [Problem(str(path), f"{key}.happens", happens, "one of " + known)]


def _detail_problems(
    path: Path, key: str, act: Mapping[str, Any], needs: Sequence[str], takes: Sequence[str]
) -> list[Problem]:
    given = [name for name in act if name not in ("at", "who", "does", "happens")]
    allowed = ", ".join((*needs, *takes)) or "nothing more"
    missing = [
        Problem(str(path), f"{key}.{name}", None, "this key is required")
        for name in needs
        if name not in given
    ]
    return missing + [
        Problem(str(path), f"{key}.{name}", act[name], f"unknown key here; it takes {allowed}")
        for name in given
        if name not in (*needs, *takes)
    ]
