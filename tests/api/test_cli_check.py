"""`motorpool check`: everything that is wrong, at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands.program import app

SITE = """
[station]
code = "330108-04"
[lines]
a = "serial:///dev/ttyUSB0?baudrate=9600"
[cabinets.A]
boards = [{ line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
"""
ROSTER = """
units = [{ id = "u1", name = "East" }]
officers = [{ id = "o1", badge = "013542", name = "Li", unit = "u1", classes = ["patrol"] }]
vehicles = [{ id = "v1", fleet_number = "P-112", class = "patrol", unit = "u1" }]
key_sets = [{ id = "k1", vehicle = "v1", home = "A-01" }]
"""


def check(folder: Path, site: str = SITE, roster: str = ROSTER) -> tuple[int, str, str]:
    (folder / "site.toml").write_text(site, encoding="utf-8")
    (folder / "roster.toml").write_text(roster, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(folder / "site.toml")], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout, done.stderr


def test_a_right_site_is_summed_up(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path)
    assert code == 0
    assert "330108-04" in out
    assert "waveshare-relay-d-8" in out
    assert "1 cabinet(s), 8 slots; 1 officers, 1 vehicles, 1 key sets." in out
    assert "is fine" in out


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    site = SITE.replace("9600", "9601").replace('profile = "waveshare', 'profil = "waveshare')
    roster = ROSTER.replace('unit = "u1", classes', 'unit = "u9", classes').replace(
        'name = "East"', 'nam = "East"'
    )
    code, _, err = check(tmp_path, site, roster)
    assert code == 2
    for words in (
        "lines.a",
        "9601",
        "profil",
        "officers.0.unit",
        "'u9'",
        "units.0.nam",
        "site.toml",
        "roster.toml",
    ):
        assert words in err
    assert err.count("\n") >= 5


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ('listen = "0.0.0.0:8080"', "set http.token"),
        ('listen = "127.0.0.1:99999"', "host:port"),
        ('listen = "0.0.0.0:8080"\ntoken = "short"', "http.token"),
    ],
)
def test_an_exposed_station_needs_a_token(tmp_path: Path, http: str, words: str) -> None:
    code, _, err = check(tmp_path, f"{SITE}\n[http]\n{http}\n")
    assert code == 2
    assert words in err


def test_a_site_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(tmp_path / "none.toml")])
    assert done.exit_code == 2
    assert "none.toml" in done.stderr


def test_a_terminal_gets_a_table(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[station]\n", encoding="utf-8")
    done = CliRunner().invoke(
        app, ["check", str(tmp_path / "site.toml")], env={"FORCE_COLOR": "1", "COLUMNS": "160"}
    )
    assert done.exit_code == 2
    assert "allowed" in done.stderr
