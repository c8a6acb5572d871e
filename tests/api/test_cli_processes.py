"""Whole processes: simulated hardware in one, a station in another, and the commands that look at both."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_station import ROSTER, SITE

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from api.cli import main; main()"]
BOARD = ["--board", "waveshare-relay-d-8", "--address", "1"]


class Place:
    """A folder with a site, and the commands run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            **os.environ,
            "MOTORPOOL_LOCK_DIR": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self.environ |= {"COLUMNS": "160", "NO_COLOR": "1"}
        self.write(SITE)
        (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")

    def write(self, site: str) -> None:
        (self.folder / "site.toml").write_text(site, encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[str]:
        """The command until the block ends; gives its first line. It must stop by itself at a signal, with 0."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
            process.send_signal(stop)
            _, errors = process.communicate(timeout=20)
            assert process.returncode == 0, errors
            assert "Traceback" not in errors
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def hardware(self) -> Iterator[str]:
        """Simulated hardware; gives the URL of line a, which is written into the site file too."""
        with self.running("simulate", "site.toml", "--json") as first:
            url: str = json.loads(first)["lines"]["a"]
            self.write(SITE.replace("modbus+tcp://192.168.1.200:502", url))
            yield url

    @contextmanager
    def station(self, *options: str) -> Iterator[httpx.Client]:
        with self.running("serve", "site.toml", "--listen", "127.0.0.1:0", *options) as first:
            found = re.search(r"http://127\.0\.0\.1:\d+", first)
            assert found, first
            with httpx.Client(base_url=found[0], timeout=30) as client:
                yield client


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_simulated_hardware_shows_where_it_is_and_stops_at_ctrl_c(place: Place) -> None:
    with place.running("simulate", "site.toml", stop=signal.SIGINT) as first:
        assert first == "Station 330108-04\n"


def test_a_bare_board_is_read_and_opened_with_a_record(place: Place) -> None:
    with place.hardware() as url:
        read = place.run("cabinet", "read", url, *BOARD)
        assert read.returncode == 0, read.stderr
        assert re.search(r"1\s*│ on\s*│ off", read.stdout)
        assert re.search(r"3\s*│ off\s*│ off", read.stdout)
        opened = place.run("cabinet", "open", url, *BOARD, "--slot", "1", "--yes")
        assert opened.returncode == 0, opened.stderr
        assert "lock 1: confirmed" in opened.stdout
        silent = place.run("cabinet", "read", url, "--board", "waveshare-relay-d-8", "--address", "9")
        assert silent.returncode == 1
        warning, error = silent.stderr.splitlines()
        assert "never tried on hardware" in warning
        assert error.startswith("error: ")
    record = lines(place.folder / "state" / "motorpool" / "commissioning.jsonl")
    assert [each["outcome"] for each in record] == ["intended", "confirmed"]
    for each in record:
        assert {"at", "who", "line", "board", "address", "channel"} <= set(each)


def test_a_running_station_keeps_its_line_and_its_ledger(place: Place) -> None:
    with place.hardware() as url, place.station() as http:
        assert http.get("/v1/health").json()["ok"] is True
        refused = place.run("cabinet", "open", url, *BOARD, "--slot", "1", "--yes")
        assert refused.returncode == 1
        assert "held by motorpool serve, station 330108-04 (process " in refused.stderr
        second = place.run("serve", "site.toml", "--listen", "127.0.0.1:0")
        assert second.returncode == 1
        assert "held by motorpool serve, station 330108-04" in second.stderr
        taken = place.run("serve", "site.toml", "--listen", f"127.0.0.1:{http.base_url.port}")
        assert taken.returncode == 1
        assert "cannot listen on 127.0.0.1" in taken.stderr
        trip = http.post("/v1/checkouts", json={"officer": "013542", "vehicle": "P-112"}).json()
        released = http.get(f"/v1/events?after={trip['seq']}&wait=10").json()["events"]
        assert released[0]["ids"]["checkout"] == trip["id"]
        assert place.run("ledger", "verify", "ledger.db").returncode == 0


def test_a_station_stops_at_once_whoever_waits(place: Place) -> None:
    with place.station("--simulated") as http:
        head = http.get("/v1/health").json()["ledger_seq"]
        stream = http.stream("GET", f"/v1/events/stream?after={head}")
        answer = stream.__enter__()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert next(answer.iter_text()).startswith("retry: ")
        started = time.perf_counter()
    assert time.perf_counter() - started < 5
    stream.__exit__(None, None, None)


def test_a_station_without_its_hardware_runs_and_says_so(place: Place) -> None:
    place.write(SITE.replace("192.168.1.200:502", "127.0.0.1:1"))
    with place.station() as http:
        health = http.get("/v1/health").json()
        assert health["ok"] is False
        assert [each["up"] for each in health["lines"]] == [False]
        no = http.post("/v1/checkouts", json={"officer": "013542", "vehicle": "P-112"})
        assert no.status_code in (409, 503)
        assert no.headers["content-type"] == "application/problem+json"


def test_serve_refuses_to_be_exposed_without_a_token(place: Place) -> None:
    done = place.run("serve", "site.toml", "--listen", "0.0.0.0:0")
    assert done.returncode == 2
    assert "--listen" in done.stderr
    assert "http.token" in done.stderr


@pytest.mark.parametrize("command", ["demo", "simulate", "serve"])
def test_without_the_simulator_it_says_what_to_install(place: Place, command: str) -> None:
    enter = "import sys; sys.modules['bumble'] = None; from api.cli import main; main()"
    options = {
        "demo": [],
        "simulate": ["site.toml"],
        "serve": ["site.toml", "--simulated", "--listen", "127.0.0.1:0"],
    }
    done = subprocess.run(
        [sys.executable, "-c", enter, command, *options[command]],
        cwd=place.folder,
        env=place.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'motorpool[simulator]'" in done.stderr
    assert "Traceback" not in done.stderr
