"""`motorpool check --live`: the file against the line, lamps, and a station that holds it."""

from __future__ import annotations

from api_station import SITE
from test_cli_processes import Place, place

__all__ = ["place"]


def test_what_is_there_is_fine_and_what_is_not_is_named(place: Place) -> None:
    with place.hardware() as url:
        site = (place.folder / "site.toml").read_text(encoding="utf-8")
        done = place.run("check", "site.toml", "--live", "--no-lamps")
        assert done.returncode == 0, done.stderr
        assert "present" in done.stdout
        assert "site.toml is fine" in done.stdout
        place.write(site.replace("address = 1,", "address = 77,"))
        done = place.run("check", "site.toml", "--live")
        assert done.returncode == 1
        assert "not as the site file says" in done.stderr
        assert "board a77" in done.stdout
        assert url in site


def test_a_station_that_holds_the_line_is_named(place: Place) -> None:
    with place.hardware(), place.station():
        done = place.run("check", "site.toml", "--live")
        assert done.returncode == 1
        assert "held by motorpool serve" in done.stderr


def test_without_live_nothing_is_opened(place: Place) -> None:
    place.write(SITE.replace("192.168.1.200:502", "127.0.0.1:1"))
    assert place.run("check", "site.toml").returncode == 0
    done = place.run("check", "site.toml", "--live")
    assert done.returncode == 1
    assert "cannot connect" in done.stderr
