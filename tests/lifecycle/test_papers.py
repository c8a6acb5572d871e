"""The station's papers for sealed terminals, as files."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands.program import app
from lifecycle import Site, SiteError, load_site
from lifecycle.papers import FiledPapers, inspect_papers
from lifecycle.terminals import host_access
from simulator.station import SimulatedStation
from simulator.terminals.sealed_keys import fleet_authority, station_key, terminal_key, thief_key
from simulator.testing import START, running_station
from vehicle.sealed.codes import Right
from vehicle.sealed.grant import Grant, issue, parse_grant
from vehicle.sealed.keys import PrivateKey
from vehicle.sealed.revocation import Revocations, revoke

CODE = "test-09"
FLEET, HOLDER = fleet_authority(CODE), station_key(CODE)
NOW = int(START.timestamp())
HOUR = 3600
ALL = Right.READ | Right.LOCK | Right.UNLOCK | Right.IMMOBILISE | Right.MOBILISE
SITE = f"""
[station]
code = "{CODE}"

[lines]
a = "serial:///dev/ttyS9?baudrate=19200"

[cabinets.A]
boards = [{{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }}]

[sealed]
holder = "station.pem"
grants = "grants"
revocations = "revoked.list"
"""
ROSTER = f"""
units = [{{ id = "u", name = "Station" }}]
officers = [{{ id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["patrol"] }}]
key_sets = [{{ id = "k-1", vehicle = "v-1", home = "A-01" }}]
[[vehicles]]
id = "v-1"
fleet_number = "P-1"
class = "patrol"
unit = "u"
terminal = {{ kind = "sealed", address = "F0:F1:F2:F3:F4:01", key = "{terminal_key("v-1").public.hex}" }}
"""


class Folder:
    """A site's folder, with what somebody put there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "grants").mkdir()
        (path / "site.toml").write_text(SITE, encoding="utf-8")
        (path / "roster.toml").write_text(ROSTER, encoding="utf-8")
        (path / "station.pem").write_bytes(HOLDER.pem())
        self.revoked(1)

    @property
    def site(self) -> Site:
        return load_site(self.path / "site.toml")

    def papers(self) -> FiledPapers:
        site = self.site
        assert site.sealed is not None
        return FiledPapers(site.folder, site.sealed, lambda: site.roster, lambda: START)

    def grant(
        self,
        name: str,
        number: int,
        *,
        vehicle: str = "v-1",
        holder: PrivateKey = HOLDER,
        begins: int = NOW - HOUR,
        ends: int = NOW + HOUR,
    ) -> None:
        made = Grant(vehicle, holder.public, ALL, begins, ends, begins, number)
        (self.path / "grants" / name).write_bytes(issue(made, FLEET))

    def revoked(self, number: int, *grants: int) -> None:
        (self.path / "revoked.list").write_bytes(revoke(Revocations(number, NOW, grants=grants), FLEET))

    def check(self) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["check", str(self.path / "site.toml")], env={"COLUMNS": "300"})
        return done.exit_code, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def _number(papers: FiledPapers) -> int | None:
    found = await papers.grant("P-1")
    return None if found is None else parse_grant(found).number


async def test_the_newest_valid_grant_of_this_holder_is_presented(folder: Folder) -> None:
    papers = folder.papers()
    assert await _number(papers) is None
    folder.grant("other.grant", 9, holder=thief_key(1))
    folder.grant("another.grant", 9, vehicle="v-2")
    folder.grant("notes.txt", 9)
    assert await _number(papers) is None
    folder.grant("old.grant", 2, ends=NOW - 1)
    assert await _number(papers) == 2
    folder.grant("early.grant", 8, begins=NOW + 60)
    assert await _number(papers) == 2
    folder.grant("by-number.grant", 3, vehicle="P-1")
    folder.grant("by-id.grant", 4)
    assert await _number(papers) == 4
    assert await papers.time_ticket(b"12345678") is None


async def test_papers_that_cannot_be_read_are_left_out(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    papers = folder.papers()
    folder.grant("good.grant", 3)
    (folder.path / "grants" / "bad.grant").write_bytes(b"nonsense")
    assert await _number(papers) == 3
    assert "bad.grant" in caplog.text
    (folder.path / "revoked.list").write_bytes(b"nonsense")
    assert await papers.revocations(0) is None
    assert "motorpool grant revoke" in caplog.text


async def test_a_list_is_given_to_whom_it_is_news(folder: Folder) -> None:
    papers = folder.papers()
    assert await papers.revocations(0) is not None
    assert await papers.revocations(1) is None
    folder.revoked(2)
    assert await papers.revocations(1) is not None


async def test_a_station_opens_its_cars_with_what_lies_in_its_folder(folder: Folder) -> None:
    """A grant that arrives while the station runs is used for the next car; one that is revoked is not."""
    site = folder.site
    simulated = SimulatedStation(site, radio="memory")
    async with simulated.running("memory"), running_station(site, simulated, access=None) as station:
        first = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(20)
        assert [each.reason for each in station.pool.checkout(first).actions] == ["no_grant"] * 2
        await station.bring_home(first, "A-01")
        folder.grant("P-1.grant", 3, ends=NOW + 8 * HOUR)
        second = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(20)
        assert [each.state for each in station.pool.checkout(second).actions] == ["confirmed"] * 2
        await station.bring_home(second, "A-01")
        await asyncio.sleep(20)
        folder.revoked(2, 3)
        third = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(20)
        assert [each.reason for each in station.pool.checkout(third).actions] == ["grant_revoked"] * 2


async def test_a_key_that_cannot_be_read_leaves_terminals_alone(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.path / "station.pem").write_bytes(b"nonsense")
    assert await host_access(folder.site, lambda: START, lambda: folder.site.roster) is None
    assert "sealed.holder" in caplog.text
    (folder.path / "station.pem").unlink()
    assert await host_access(folder.site, lambda: START, lambda: folder.site.roster) is None


async def test_a_site_without_the_table_says_what_is_missing(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    site = folder.site.model_copy(update={"sealed": None}).located(folder.path, folder.site.roster)
    assert await host_access(site, lambda: START, lambda: site.roster) is None
    assert "[sealed]" in caplog.text
    bare = site.located(folder.path, type(site.roster)())
    caplog.clear()
    assert await host_access(bare, lambda: START, lambda: bare.roster) is None
    assert caplog.text == ""


def test_what_is_wrong_is_named(folder: Folder) -> None:
    assert inspect_papers(folder.site, START) == ([], ["P-1: no grant for this station's key"])
    folder.grant("P-1.grant", 3, ends=NOW - 1)
    assert inspect_papers(folder.site, START)[1] == ["P-1: its grant P-1.grant has expired"]
    folder.grant("P-1.grant", 3, begins=NOW + 1)
    assert inspect_papers(folder.site, START)[1] == ["P-1: its grant P-1.grant is not valid yet"]
    folder.grant("P-1.grant", 3)
    assert inspect_papers(folder.site, START) == ([], [])
    folder.revoked(2, 3)
    assert inspect_papers(folder.site, START)[1] == ["P-1: its grant P-1.grant is revoked"]


def test_every_file_that_is_wrong_is_named_at_once(folder: Folder) -> None:
    (folder.path / "station.pem").write_bytes(b"nonsense")
    (folder.path / "grants" / "bad.grant").write_bytes(b"nonsense")
    (folder.path / "revoked.list").unlink()
    problems, lacks = inspect_papers(folder.site, START)
    assert [each.key for each in problems] == ["sealed.holder", "sealed.grants", "sealed.revocations"]
    assert lacks == []


def test_check_names_them(folder: Folder) -> None:
    folder.grant("P-1.grant", 3, begins=NOW, ends=NOW + HOUR)
    code, said = folder.check()
    assert code == 0
    assert "P-1: its grant P-1.grant" in said
    (folder.path / "station.pem").unlink()
    code, said = folder.check()
    assert code == 2
    assert "sealed.holder" in said
    text = SITE.partition("[sealed]")[0]
    (folder.path / "site.toml").write_text(text, encoding="utf-8")
    code, said = folder.check()
    assert code == 0
    assert "nothing opens P-1" in said


def test_the_table_takes_no_other_key(folder: Folder) -> None:
    text = SITE.replace("holder =", "holdr =")
    (folder.path / "site.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SiteError) as caught:
        load_site(folder.path / "site.toml")
    assert {each.key for each in caught.value.problems} == {"sealed.holder", "sealed.holdr"}


async def test_a_car_that_the_host_program_added_has_papers_too(folder: Folder) -> None:
    """It is in the book alone, and its terminal is approached after a restart as well."""
    bare = folder.site.located(folder.path, type(folder.site.roster)())
    assert await host_access(bare, lambda: START, lambda: folder.site.roster) is not None
