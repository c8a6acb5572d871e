"""The site file: hardware and place only. Rules and people are files of their own.

`load_site` reads it together with its roster and reports everything that is wrong with either at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from keycabinet.config import CabinetConfig, find_problems, resolve
from keycabinet.errors import LineUrlError
from keycabinet.profile_file import is_file
from keycabinet.transport import LineUrl
from lifecycle.errors import InvalidRequest, Problem, SiteError
from lifecycle.model import parse_slot_label
from lifecycle.roster import Roster, load_roster
from lifecycle.tomlfile import key_path, problems_of, read_toml
from vehicle.radio_url import RadioUrl


def _line_url(text: str) -> str:
    try:
        LineUrl.parse(text)
    except LineUrlError as error:
        raise ValueError(str(error)) from error
    return text


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("an IANA time zone such as Asia/Shanghai") from error
    return name


def _radio_url(text: str) -> str:
    RadioUrl.parse(text)
    return text


def _one_proxy(radios: dict[str, str]) -> dict[str, str]:
    if sum(url.startswith("esphome:") for url in radios.values()) > 1:
        raise ValueError("at most one esphome proxy: which of several heard a vehicle cannot be told yet")
    return radios


RESPONSE = "response"
"""The class of vehicles that answer calls."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StationConfig(_Table):
    """Which station this is, and where its book and its roster are (relative to the site file)."""

    code: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    timezone: Annotated[str, AfterValidator(_timezone)] = "Asia/Shanghai"
    ledger: str = "ledger.db"
    roster: str = "roster.toml"
    take_within_s: float = Field(default=60.0, ge=5.0, le=3600.0)


def _not_response(classes: tuple[str, ...]) -> tuple[str, ...]:
    if RESPONSE in classes:
        raise ValueError(f"any classes but {RESPONSE!r}: a response car is never immobilised")
    return classes


class ActionsConfig(_Table):
    """What terminals are told when a set is taken or comes home, and until when.

    `within_s`: seconds after which an action that could not be carried out expires. `immobilise`: the vehicle classes
    that are immobilised when they come home; none unless listed.
    """

    within_s: float = Field(default=900.0, ge=10.0, le=86_400.0)
    immobilise: Annotated[tuple[str, ...], AfterValidator(_not_response)] = ()


class SealedConfig(_Table):
    """Where this station's papers for sealed terminals are, relative to the site file; read anew for each visit.

    `holder`: its private key (PEM). `grants`: a folder of grants, one a file named *.grant. `revocations`: the latest
    revocation list.
    """

    holder: str = Field(min_length=1)
    grants: str = Field(min_length=1)
    revocations: str | None = Field(default=None, min_length=1)


class HttpConfig(_Table):
    """Where `motorpool serve` listens. Any address but loopback needs a token."""

    listen: str = Field(default="127.0.0.1:8080", pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$")
    token: str | None = Field(default=None, min_length=16)


class Site(_Table):
    """A whole site file, read and found right."""

    station: StationConfig
    lines: dict[Name, Annotated[str, AfterValidator(_line_url)]] = Field(min_length=1)
    cabinets: dict[Name, CabinetConfig] = Field(min_length=1)
    radios: Annotated[dict[Name, Annotated[str, AfterValidator(_radio_url)]], AfterValidator(_one_proxy)] = {}
    actions: ActionsConfig = ActionsConfig()
    sealed: SealedConfig | None = None
    http: HttpConfig = HttpConfig()
    _folder: Path = PrivateAttr(default=Path())
    _roster: Roster = PrivateAttr(default_factory=Roster)

    @property
    def ledger_path(self) -> Path:
        return self._folder / self.station.ledger

    @property
    def roster(self) -> Roster:
        return self._roster

    @property
    def folder(self) -> Path:
        """What the paths of this site are relative to."""
        return self._folder

    def located(self, folder: Path, roster: Roster) -> Self:
        """This site with the folder its paths are relative to, and its roster."""
        copy = self.model_copy()
        copy._folder, copy._roster = folder, roster
        return copy

    def slots(self) -> dict[str, tuple[int, ...]]:
        """The slot numbers of each cabinet."""
        return {
            name: tuple(each.slot for each in resolve(name, config).slots)
            for name, config in self.cabinets.items()
        }


def load_site(path: str | Path) -> Site:
    """Read a site file and its roster. Raises SiteError with every problem in both."""
    path = Path(path)
    data = read_toml(path)
    _find_profiles(path.parent, data)
    model, problems = problems_of(path, Site, data)
    site = model if isinstance(model, Site) else None
    if site is not None:
        problems += wiring_problems(path, site)
    roster_path = path.parent / _roster_name(data)
    roster = Roster()
    try:
        roster = load_roster(roster_path)
    except SiteError as error:
        problems += error.problems
    if site is not None and not problems:
        problems += _home_problems(roster_path, site, roster)
        problems += _class_problems(path, site, roster)
    if problems or site is None:
        raise SiteError(problems)
    return site.located(path.parent, roster)


def _find_profiles(folder: Path, data: Mapping[str, Any]) -> None:
    """Profile files stand beside the site file: their paths become those that can be read from anywhere."""
    cabinets = data.get("cabinets")
    tables = cabinets.values() if isinstance(cabinets, dict) else ()
    boards = [each.get("boards") for each in tables if isinstance(each, dict)]
    for board in [each for some in boards if isinstance(some, list) for each in some]:
        profile = board.get("profile") if isinstance(board, dict) else None
        if isinstance(profile, str) and is_file(profile):
            board["profile"] = str((folder / profile).absolute())


def _roster_name(data: Mapping[str, Any]) -> str:
    station = data.get("station")
    name = station.get("roster") if isinstance(station, dict) else None
    return name if isinstance(name, str) else "roster.toml"


def wiring_problems(path: Path, site: Site) -> list[Problem]:
    """What is wrong between boards, slots and lines, and between cabinets that share a line."""
    problems = []
    seen: dict[tuple[str, int], str] = {}
    for name, config in site.cabinets.items():
        problems += [
            Problem(str(path), key_path(("cabinets", name, *each.path)), each.value, each.allowed)
            for each in find_problems(name, config, tuple(site.lines))
        ]
        for index, board in enumerate(config.boards):
            here = key_path(("cabinets", name, "boards", index, "address"))
            first = seen.setdefault((board.line, board.address), here)
            if first != here and not first.startswith(f"cabinets.{name}."):
                allowed = f"an address of its own on line {board.line}; {first} has this one"
                problems.append(Problem(str(path), here, board.address, allowed))
    identities: dict[str, str] = {}
    for name, url in site.lines.items():
        first = identities.setdefault(LineUrl.parse(url).identity, name)
        if first != name:
            problems.append(
                Problem(str(path), f"lines.{name}", url, f"a wire of its own; lines.{first} is the same one")
            )
    return problems


def _class_problems(path: Path, site: Site, roster: Roster) -> list[Problem]:
    known = dict.fromkeys(each.vehicle_class for each in roster.vehicles.values())
    allowed = f"a class of the roster, but for response cars: {', '.join(known) or 'there are none'}"
    return [
        Problem(str(path), key_path(("actions", "immobilise", index)), name, allowed)
        for index, name in enumerate(site.actions.immobilise)
        if name not in known
    ]


def _home_problems(path: Path, site: Site, roster: Roster) -> list[Problem]:
    problems = []
    for index, each in enumerate(roster.key_sets.values()):
        try:
            check_home(f"key_sets.{index}.home", each.home, site)
        except InvalidRequest as error:
            problems.append(Problem(str(path), error.field, error.value, error.allowed))
    return problems


def check_home(field: str, home: str, site: Site) -> None:
    """Raises InvalidRequest naming `field` for a home that is no slot of the site."""
    slots = site.slots()
    try:
        cabinet, slot = parse_slot_label(home)
    except ValueError:
        cabinet, slot = home, 0
    if slot not in slots.get(cabinet, ()):
        known = ", ".join(f"{name}-{min(s):02d} to {name}-{max(s):02d}" for name, s in slots.items() if s)
        raise InvalidRequest(field, home, f"a slot of this site: {known}")
