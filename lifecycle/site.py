"""The site file: hardware and place only. Rules and people are files of their own.

`load_site` reads it together with its roster and reports everything that is wrong with either at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from keycabinet.config import CabinetConfig, resolve
from keycabinet.errors import LineUrlError
from keycabinet.profile_file import is_file
from keycabinet.transport import LineUrl
from lifecycle.errors import Problem, SiteError
from lifecycle.roster import Roster, load_roster
from lifecycle.site_problems import class_problems, home_problems, readable_parts, wiring_problems
from lifecycle.tomlfile import problems_of, read_toml
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
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder of zones
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
FileName = Annotated[str, Field(pattern=r"^[^\x00]+$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StationConfig(_Table):
    """Which station this is, and where its book and its roster are (relative to the site file)."""

    code: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    timezone: Annotated[str, AfterValidator(_timezone)] = "Asia/Shanghai"
    ledger: FileName = "ledger.db"
    roster: FileName = "roster.toml"
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
    parts = readable_parts(data)
    problems += wiring_problems(path, parts)
    roster_path = path.parent / _roster_name(data)
    roster = Roster()
    try:
        roster = load_roster(roster_path)
    except SiteError as error:
        problems += error.problems
    else:
        problems += home_problems(roster_path, parts, roster)
        if site is not None:
            problems += class_problems(path, site.actions.immobilise, roster)
    if site is not None and (path.parent / site.station.ledger).is_dir():
        problems.append(Problem(str(path), "station.ledger", site.station.ledger, "a file; this is a folder"))
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
