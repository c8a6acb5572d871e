"""Roster and site files: read whole, merged by id, and refused with every problem at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keycabinet.profile_file import load_profile
from lifecycle import SiteError, UnknownThing, load_roster, load_site
from lifecycle.model import parse_slot_label, slot_label
from lifecycle.roster import Roster, entity_json, entity_of

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parents[1] / "golden"


def problems(path: Path) -> dict[str, str]:
    with pytest.raises(SiteError) as caught:
        load_site(path)
    return {each.key: f"{each.value!r}: {each.allowed}" for each in caught.value.problems}


def site_with(
    tmp_path: Path, *, site: tuple[str, str] = ("", ""), roster: tuple[str, str] = ("", "")
) -> Path:
    """The example files with one piece of text put in the place of another."""
    for name, (old, new) in (("site.toml", site), ("roster.toml", roster)):
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return tmp_path / "site.toml"


def test_the_example_is_read() -> None:
    site = load_site(EXAMPLES / "site.toml")
    assert {name: len(slots) for name, slots in site.slots().items()} == {"A": 16, "B": 16, "C": 16}
    assert site.roster.officer("013542") is site.roster.officer("of-1a")
    assert site.roster.vehicle("P-112").id == "v-112"
    assert [each.id for each in site.roster.sets_of("v-112")] == ["ks-112-1"]
    assert site.ledger_path == EXAMPLES / "station-04.db"


def test_what_is_not_in_the_roster_is_named() -> None:
    roster = load_roster(EXAMPLES / "roster.toml")
    with pytest.raises(UnknownThing, match="no officer '999999'"):
        roster.officer("999999")
    with pytest.raises(UnknownThing, match="no vehicle 'P-999'"):
        roster.vehicle("P-999")


@pytest.mark.parametrize(
    ("site", "roster", "key", "words"),
    [
        (
            ('code = "330108-04"', 'code = "330108-04"\ncolour = 1'),
            ("", ""),
            "station.colour",
            "unknown key; known here: code",
        ),
        (
            ('"serial:///dev/ttyUSB0?baudrate=9600&parity=N"', '"seriell:/x"'),
            ("", ""),
            "lines.a",
            "serial, rtu+tcp, modbus+tcp",
        ),
        (
            ('slots = "9-16" },\n]\n\n[cabinets.B]', 'slots = "8-15" },\n]\n\n[cabinets.B]'),
            ("", ""),
            "cabinets.A.boards.1.slots",
            "boards.0.slots",
        ),
        (
            ('address = 1, profile = "waveshare-relay-d-8"', 'address = 1, profile = "acme-9"'),
            ("", ""),
            "cabinets.A.boards.0.profile",
            "waveshare-relay-d-8",
        ),
        (
            (
                'address = 3, profile = "waveshare-io-8ch", slots',
                'address = 2, profile = "waveshare-io-8ch", slots',
            ),
            ("", ""),
            "cabinets.B.boards.0.address",
            "cabinets.A.boards.1.address",
        ),
        (('timezone = "Asia/Shanghai"', 'timezone = "Asia/Nowhere"'), ("", ""), "station.timezone", "IANA"),
        (("", ""), ('name = "Li Wei"\nunit = "u-04"', 'name = "Li Wei"'), "officers.0.unit", "required"),
        (
            ("", ""),
            ('name = "Li Wei"\nunit = "u-04"', 'name = "Li Wei"\nunit = "u-99"'),
            "officers.0.unit",
            "u-04",
        ),
        (("", ""), ('badge = "020117"', 'badge = "013542"'), "officers.1.badge", "each only once"),
        (("", ""), ('home = "C-01"', 'home = "C-17"'), "key_sets.3.home", "C-01 to C-16"),
        (("", ""), ('home = "C-01"', 'home = "C1"'), "key_sets.3.home", "such as A-07"),
        (("", ""), ('vin = "LSVAM4187C2184841"', 'vin = "TOO-SHORT"'), "vehicles.0.vin", "pattern"),
        (("", ""), ('vehicle = "v-207"', 'vehicle = "v-999"'), "key_sets.3.vehicle", "v-112"),
    ],
)
def test_a_problem_names_key_value_and_what_is_allowed(
    tmp_path: Path, site: tuple[str, str], roster: tuple[str, str], key: str, words: str
) -> None:
    found = problems(site_with(tmp_path, site=site, roster=roster))
    assert key in found
    assert words in found[key]


def test_all_problems_of_both_files_come_at_once(tmp_path: Path) -> None:
    path = site_with(
        tmp_path,
        site=('code = "330108-04"', 'code = ""\nsize = 3'),
        roster=('badge = "013542"', 'batch = "013542"'),
    )
    assert {"station.code", "station.size", "officers.0.badge", "officers.0.batch"} <= {*problems(path)}


def test_a_profile_file_stands_beside_the_site_file(tmp_path: Path) -> None:
    own = (GOLDEN / "profile-of-ones-own.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(own, encoding="utf-8")
    named = ('profile = "waveshare-relay-d-8", slots = "1-8"', 'profile = "ours.toml", slots = "1-8"')
    site = load_site(site_with(tmp_path, site=named))
    assert site.cabinets["A"].boards[0].profile == str(tmp_path / "ours.toml")
    (tmp_path / "ours.toml").write_text(own.replace("0x0501", "0x0500") + "\n", encoding="utf-8")
    load_profile.cache_clear()
    said = problems(tmp_path / "site.toml")["cabinets.A.boards.0.profile"]
    assert said.startswith(repr(str(tmp_path / "ours.toml")))
    assert said.endswith("lines 24 and 29: guards.0 at register 0500 overlaps version at register 0500")


def test_files_that_are_not_there_or_not_toml(tmp_path: Path) -> None:
    assert "(file)" in problems(tmp_path / "nothing.toml")
    (tmp_path / "site.toml").write_text("[station", encoding="utf-8")
    assert "(file)" in problems(tmp_path / "site.toml")


def test_a_delta_is_merged_by_id() -> None:
    roster = load_roster(EXAMPLES / "roster.toml")
    moved = replace(roster.officers["of-2b"], badge="555555")
    merged = roster.merged(Roster(officers={moved.id: moved}))
    assert merged.officer("555555").name == "Zhang Min"
    assert [*merged.officers] == [*roster.officers]
    assert merged.vehicles == roster.vehicles


def test_entities_survive_their_rows() -> None:
    roster = load_roster(EXAMPLES / "roster.toml")
    for kind, table in (("unit", roster.units), ("officer", roster.officers), ("vehicle", roster.vehicles),
                        ("key_set", roster.key_sets)):  # fmt: skip
        for entity in table.values():
            assert entity_of(kind, entity_json(entity)) == entity


def test_slot_labels() -> None:
    assert parse_slot_label(slot_label("A", 7)) == ("A", 7)
    assert parse_slot_label("yard_2-113") == ("yard_2", 113)
    for wrong in ("A", "-7", "A-", "A-x", "A-0", ""):
        with pytest.raises(ValueError, match="A-07"):
            parse_slot_label(wrong)


@pytest.mark.parametrize(
    ("roster", "key"),
    [
        (('badge = "020117"', 'badge = "of-1a"'), "officers.1.badge"),
        (('fleet_number = "P-118"', 'fleet_number = "v-112"'), "vehicles.1.fleet_number"),
        (('home = "A-02"', 'home = "A-1"'), "key_sets.1.home"),
    ],
)
def test_what_means_two_things_is_refused(tmp_path: Path, roster: tuple[str, str], key: str) -> None:
    """Else the wrong car is booked for the wrong officer."""
    assert key in problems(site_with(tmp_path, roster=roster))


def test_one_number_written_in_two_ways_is_one(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text(
        """
units = [{ id = "u", name = "U" }]
officers = [
  { id = "o-1", badge = "b1", name = "One", unit = "u", card = "em:003B51C6" },
  { id = "o-2", badge = "b2", name = "Two", unit = "u", card = "em:003b51c6" },
]
vehicles = [
  { id = "v-1", fleet_number = "1", class = "c", unit="u", terminal = { kind = "obd", address = "F0:00:00:00:00:0A" } },
  { id = "v-2", fleet_number = "2", class = "c", unit="u", terminal = { kind = "obd", address = "f0:00:00:00:00:0a" } },
]
key_sets = [
  { id = "k-1", vehicle = "v-1", home = "A-01", fob = "em:00000001" },
  { id = "k-2", vehicle = "v-2", home = "A-1", fob = "em:00000001" },
]
""",
        encoding="utf-8",
    )
    with pytest.raises(SiteError) as caught:
        load_roster(tmp_path / "roster.toml")
    keys = [each.key for each in caught.value.problems]
    assert keys == [
        f"{table}.{index}.{key}"
        for table, key in (
            ("officers", "card"),
            ("vehicles", "terminal.address"),
            ("key_sets", "home"),
            ("key_sets", "fob"),
        )
        for index in (0, 1)
    ]


@pytest.mark.parametrize(
    ("site", "key"),
    [
        (('timezone = "Asia/Shanghai"', 'timezone = "Asia"'), "station.timezone"),
        (('ledger = "station-04.db"', 'ledger = ""'), "station.ledger"),
        (('ledger = "station-04.db"', 'ledger = "a\\u0000b"'), "station.ledger"),
        (('ledger = "station-04.db"', 'ledger = "."'), "station.ledger"),
    ],
)
def test_values_that_no_station_can_be_opened_with(tmp_path: Path, site: tuple[str, str], key: str) -> None:
    assert key in problems(site_with(tmp_path, site=site))


def test_a_table_that_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    path = site_with(
        tmp_path,
        site=("[cabinets.B]", '[cabinets."C C"]\nboards = 1\n\n[cabinets.B]'),
        roster=('home = "A-02"', 'home = "Z-99"'),
    )
    text = path.read_text(encoding="utf-8").replace('slots = "9-16" }', 'slots = "8-15" }', 1)
    path.write_text(text, encoding="utf-8")
    found = problems(path)
    assert "cabinets.A.boards.1.slots" in found
    assert "key_sets.1.home" in found
    assert any("C C" in key for key in found)
