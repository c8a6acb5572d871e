"""A station's papers for sealed terminals, as files: its key, the grants it was given, the list of what was revoked.

Needs the extra `sealed`. Grants and list are read anew for each visit: whoever brings newer ones puts them there and is
done. Which vehicle a grant is for stands in the grant; the name of its file, but for `.grant`, does not matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lifecycle.errors import Problem, SiteError
from lifecycle.roster import Roster
from lifecycle.site import SealedConfig, Site
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.grant import Grant, parse_grant
from vehicle.sealed.keys import BadKey, PrivateKey
from vehicle.sealed.revocation import Revocations, read_revocations
from vehicle.sealed.signed import Kind, parse_signed

_log = logging.getLogger(__name__)
SUFFIX = ".grant"


@dataclass(frozen=True, slots=True)
class Held:
    """A grant as it lies in the folder."""

    path: Path
    grant: Grant
    signed: bytes


class FiledPapers:
    """A `vehicle.sealed.access.Access` of files. A vehicle's grants may name it by roster id or by fleet number.

    `clock` decides which grant is valid now; the terminal judges for itself.
    """

    def __init__(
        self,
        folder: Path,
        config: SealedConfig,
        roster: Callable[[], Roster],
        clock: Callable[[], datetime],
    ) -> None:
        """Reads the key, and nothing else yet. Raises SiteError."""
        self._folder = folder
        self._config = config
        self._roster = roster
        self._clock = clock
        self._holder = load_holder(folder, config)

    @property
    def holder(self) -> PrivateKey:
        """The station's key."""
        return self._holder

    async def grant(self, vehicle: str) -> bytes | None:
        """The best grant for a vehicle (roster id or fleet number), if there is one."""
        return await asyncio.get_running_loop().run_in_executor(None, self._grant, vehicle)

    async def revocations(self, newer_than: int) -> bytes | None:
        """The list, if there is one and its number is above `newer_than`."""
        return await asyncio.get_running_loop().run_in_executor(None, self._revocations, newer_than)

    async def time_ticket(self, nonce: bytes) -> bytes | None:
        """None: files do not answer questions."""
        return None

    def _grant(self, vehicle: str) -> bytes | None:
        held, problems = read_grants(self._folder, self._config)
        for each in problems:
            _log.warning("%s", each)
        car = next(
            (each for each in self._roster().vehicles.values() if vehicle in (each.id, each.fleet_number)),
            None,
        )
        names = (vehicle,) if car is None else (car.id, car.fleet_number)
        found = best(held, names, self._holder, self._clock())
        return None if found is None else found.signed

    def _revocations(self, newer_than: int) -> bytes | None:
        try:
            found = read_list(self._folder, self._config)
        except SiteError as error:
            _log.warning("%s", error)
            return None
        return found[1] if found is not None and found[0].number > newer_than else None


def best(held: list[Held], names: tuple[str, ...], holder: PrivateKey, now: datetime) -> Held | None:
    """Of this holder's grants for the vehicle of these names, the newest that is valid, or what comes closest to it."""
    unix = int(now.timestamp())
    mine = [each for each in held if each.grant.vehicle in names and each.grant.holder == holder.public]

    def worth(each: Held) -> tuple[bool, bool, int]:
        begun, ends = each.grant.not_before <= unix, each.grant.expires
        return begun and unix < ends, begun, each.grant.number

    return max(mine, key=worth, default=None)


def load_holder(folder: Path, config: SealedConfig) -> PrivateKey:
    """The station's key. Raises SiteError."""
    path = folder / config.holder
    try:
        return PrivateKey.from_pem(path.read_bytes())
    except OSError as error:
        raise SiteError([_unreadable(path, "sealed.holder", error)]) from error
    except BadKey as error:
        raise SiteError([Problem(str(path), "sealed.holder", config.holder, str(error))]) from error


def read_grants(folder: Path, config: SealedConfig) -> tuple[list[Held], list[Problem]]:
    """Every grant of the folder, and what is wrong with it."""
    where = folder / config.grants
    try:
        paths = sorted(each for each in where.iterdir() if each.suffix == SUFFIX)
    except OSError as error:
        return [], [_unreadable(where, "sealed.grants", error)]
    held, problems = [], []
    for path in paths:
        try:
            signed = path.read_bytes()
            held.append(Held(path, parse_grant(signed), signed))
        except OSError as error:
            problems.append(_unreadable(path, "sealed.grants", error))
        except BadCbor as error:
            allowed = f"a file written by motorpool grant issue ({error})"
            problems.append(Problem(str(path), "sealed.grants", path.name, allowed))
    return held, problems


def read_list(folder: Path, config: SealedConfig) -> tuple[Revocations, bytes] | None:
    """The revocation list and its signed bytes; None where the site has none. Raises SiteError."""
    if config.revocations is None:
        return None
    path = folder / config.revocations
    try:
        data = path.read_bytes()
        signed = parse_signed(data)
        if signed.kind != Kind.REVOCATIONS:
            raise BadCbor(f"signed as {signed.kind}")
        return read_revocations(signed), data
    except OSError as error:
        raise SiteError([_unreadable(path, "sealed.revocations", error)]) from error
    except BadCbor as error:
        allowed = f"a list written by motorpool grant revoke ({error})"
        raise SiteError([Problem(str(path), "sealed.revocations", config.revocations, allowed)]) from error


def inspect_papers(site: Site, now: datetime) -> tuple[list[Problem], list[str]]:
    """What is wrong with the files that the site names, and what vehicles lack, in words."""
    config, folder = site.sealed, site.folder
    if config is None:
        return [], []
    held, problems = read_grants(folder, config)
    holder: PrivateKey | None = None
    try:
        holder = load_holder(folder, config)
    except SiteError as error:
        problems[:0] = error.problems
    try:
        listed = read_list(folder, config)
    except SiteError as error:
        problems += error.problems
        listed = None
    if holder is None:
        return problems, []
    lacks = []
    for each in site.roster.vehicles.values():
        if each.terminal.kind == "sealed":
            found = best(held, (each.id, each.fleet_number), holder, now)
            lack = _lack(found, None if listed is None else listed[0], int(now.timestamp()))
            if lack is not None:
                lacks.append(f"{each.fleet_number}: {lack}")
    return problems, lacks


def _lack(found: Held | None, listed: Revocations | None, now: int) -> str | None:
    """Why the vehicle's terminal will not obey, if that can be told from here."""
    if found is None:
        return "no grant for this station's key"
    grant, name = found.grant, found.path.name
    if listed is not None and (grant.number in listed.grants or grant.number < listed.minimum):
        return f"its grant {name} is revoked"
    if grant.expires <= now:
        return f"its grant {name} has expired"
    return None if grant.not_before <= now else f"its grant {name} is not valid yet"


def _unreadable(path: Path, key: str, error: OSError) -> Problem:
    return Problem(str(path), key, error.strerror, "a file or folder that can be read")
