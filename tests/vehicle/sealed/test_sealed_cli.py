"""`motorpool grant` and `motorpool terminal` as people meet them: files, processes, this host's Bluetooth."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bluez_rig import on_dbus
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sealed_bench import FLEET, HOLDER, SECRET, STRANGER, TERMINAL, THIEF, BenchCar
from typer.testing import CliRunner

from api.commands.program import app
from simulator.terminals import TerminalPark
from simulator.terminals.sealed import ADVERTISED, SealedDevice
from simulator.terminals.sealed_car import FittedCar
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import read_revocations
from vehicle.sealed.signed import parse_signed

ADDRESS = "F0:F1:F2:F3:F4:F5"
PLAIN = {"NO_COLOR": "1", "COLUMNS": "200"}


def pem(authority: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(authority).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with everybody's keys."""
    (tmp_path / "authority.pem").write_bytes(pem(FLEET.secret))
    (tmp_path / "stranger.pem").write_bytes(pem(STRANGER.secret))
    (tmp_path / "holder.pem").write_bytes(HOLDER.pem())
    (tmp_path / "thief.pem").write_bytes(THIEF.pem())
    return tmp_path


def run(desk: Path, *arguments: str) -> tuple[int, str]:
    """The command in this process; file names are in the folder."""
    words = [str(desk / each) if each.endswith((".pem", ".grant", ".list")) else each for each in arguments]
    done = CliRunner().invoke(app, words, env=PLAIN)
    return done.exit_code, done.output


def issue(desk: Path, *more: str, name: str = "car.grant") -> tuple[int, str]:
    common = ("P-112", "--authority", "authority.pem", "--holder", "holder.pem", "-o", name)
    return run(desk, "grant", "issue", *common, *more)


class TestGrant:
    def test_issue_show_verify(self, desk: Path) -> None:
        code, text = issue(desk, "--rights", "unlock, mobilise", "--valid", "30m", "--number", "7")
        assert code == 0, text
        for command in (("show",), ("verify",)):
            more = ("--authority", "authority.pem") if command == ("verify",) else ()
            code, text = run(desk, "grant", *command, "car.grant", *more)
            assert code == 0, text
            for said in ("P-112", "unlock, mobilise", HOLDER.public.thumbprint.hex(), " 7 "):
                assert said in text
        assert "valid now" in text

    def test_what_was_changed_or_signed_by_another_is_found_out(self, desk: Path) -> None:
        issue(desk)
        code, text = run(desk, "grant", "verify", "car.grant", "--authority", "stranger.pem")
        assert code == 1
        assert "was not signed by" in text
        (desk / "bad.grant").write_bytes((desk / "car.grant").read_bytes()[:-1])
        code, text = run(desk, "grant", "show", "bad.grant")
        assert code == 1
        assert "is no grant" in text

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (("--rights", "fly"), "--rights"),
            (("--valid", "8"), "--valid"),
            (("--valid", "32d"), "31 days"),
            (("--valid", "0h"), "ends after it begins"),
        ],
    )
    def test_bad_input_names_what_is_allowed(self, desk: Path, more: tuple[str, ...], said: str) -> None:
        code, text = issue(desk, *more)
        assert code == 2
        assert said in text

    def test_nothing_is_overwritten_and_keys_are_of_their_kind(self, desk: Path) -> None:
        issue(desk)
        assert issue(desk)[0] == 2
        wrong = ("P-112", "--authority", "holder.pem", "--holder", "authority.pem", "-o", "x.grant")
        code, text = run(desk, "grant", "issue", *wrong)
        assert code == 2
        assert "P-256" in text or "Ed25519" in text

    def test_revoke(self, desk: Path) -> None:
        lost = THIEF.public.thumbprint.hex()
        what = ("--grant", "7", "--holder", "holder.pem", "--holder", lost, "--minimum", "5")
        code, text = run(desk, "grant", "revoke", "3", "--authority", "authority.pem", *what, "-o", "3.list")
        assert code == 0, text
        listed = read_revocations(parse_signed((desk / "3.list").read_bytes()))
        assert (listed.number, listed.minimum, listed.grants) == (3, 5, (7,))
        assert listed.holders == (HOLDER.public.thumbprint, THIEF.public.thumbprint)


@asynccontextmanager
async def on_this_host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[SealedDevice, FittedCar]]:
    """A terminal fresh from the factory, within hearing of this host's Bluetooth."""
    car = FittedCar(BenchCar())
    device = SealedDevice(
        car,
        TERMINAL,
        secret=SECRET,
        rtc=lambda: int(datetime.now(UTC).timestamp()),  # noqa: TID251 - as the processes have it
        random_bytes=os.urandom,
    )
    park = TerminalPark()
    park.add_device(device, ADDRESS, "sealed", name=ADVERTISED)
    async with on_dbus(park, monkeypatch):
        yield device, car


async def motorpool(desk: Path, *arguments: str) -> tuple[int | None, str]:
    """The command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("motorpool")),
        *arguments,
        cwd=desk,
        env={**os.environ, **PLAIN, "XDG_STATE_HOME": str(desk / "state")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.real_time
@pytest.mark.peer
async def test_a_terminal_from_the_factory_to_the_road(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(kind: str, *more: str) -> tuple[str, ...]:
        return ("terminal", kind, ADDRESS, "--holder", "holder.pem", "--grant", "car.grant", *more)

    async with on_this_host(monkeypatch) as (device, car):
        enrol = (
            *("terminal", "enrol", ADDRESS, "--label", str(device.label), "--vehicle", "P-112"),
            *("--authority", "authority.pem", "--holder", "holder.pem", "--immobilisable"),
        )
        device.press_button(asyncio.get_running_loop().time())
        code, text = await motorpool(desk, *enrol)
        assert code == 0, text
        assert TERMINAL.public.hex in text
        (pinned,) = json.loads((desk / "state" / "motorpool" / "terminals.json").read_text())
        assert pinned == {"address": ADDRESS, "vehicle": "P-112", "key": TERMINAL.public.hex}

        issue(desk, "--rights", "read,lock,unlock,immobilise,mobilise", "--number", "7")
        for kind, said in (("immobilise", "confirmed"), ("read", BenchCar.vin)):
            more = () if kind == "read" else ("--yes",)
            code, text = await motorpool(desk, *shown(kind, *more))
            assert code == 0, text
            assert said in text
        assert car.blocked

        run(desk, "grant", "revoke", "1", "--authority", "authority.pem", "--grant", "7", "-o", "1.list")
        code, text = await motorpool(desk, *shown("unlock", "--yes", "--list", "1.list"))
        assert code == 1
        assert "rejected (grant_revoked)" in text
        assert car.locked


def test_what_is_not_pinned_is_not_spoken_to(desk: Path) -> None:
    issue(desk)
    arguments = ("--holder", "holder.pem", "--grant", "car.grant", "--pins", str(desk / "none.json"))
    code, text = run(desk, "terminal", "status", ADDRESS, *arguments)
    assert code == 2
    assert "enrol it first" in text


@pytest.mark.parametrize(
    "words",
    [
        ("issue", "P-112", "--holder", "holder.pem", "--number", "9" * 26),
        ("issue", "P-112", "--holder", "holder.pem", "--valid", "9" * 26 + "d"),
        ("revoke", "7", "--grant", "9" * 26),
        ("revoke", "7", "--minimum", "9" * 26),
        ("revoke", "9" * 26),
    ],
)
def test_papers_that_no_terminal_reads_are_not_signed(desk: Path, words: tuple[str, ...]) -> None:
    code, text = run(desk, "grant", *words, "--authority", "authority.pem", "-o", "new.grant")
    assert code == 2, text
    assert not (desk / "new.grant").exists()


def test_files_that_are_no_pins_and_no_grant(desk: Path) -> None:
    pins = desk / "pins.json"
    (desk / "car.grant").write_bytes(bytes(2000))
    words = (
        "terminal",
        "status",
        ADDRESS,
        "--holder",
        "holder.pem",
        "--grant",
        "car.grant",
        "--pins",
        str(pins),
    )
    for key, said in (("00", "no file of pinned terminals"), (TERMINAL.public.hex, "--grant")):
        pins.write_text(json.dumps([{"address": ADDRESS, "vehicle": "P-112", "key": key}]), encoding="utf-8")
        code, text = run(desk, *words)
        assert code == 2, text
        assert said in text


@pytest.mark.parametrize(
    ("address", "more", "said"),
    [
        ("zz", (), "ADDRESS"),
        (ADDRESS, ("--vehicle", "x" * 40), "1 to 32 bytes"),
        (ADDRESS, ("--minimum", "9" * 26), "minimum"),
    ],
)
def test_an_enrolment_that_cannot_be(desk: Path, address: str, more: tuple[str, ...], said: str) -> None:
    words = (
        "--label",
        str(Label.of(TERMINAL.public, SECRET)),
        "--vehicle",
        "P-112",
        "--authority",
        "authority.pem",
        "--holder",
        "holder.pem",
    )
    code, text = run(desk, "terminal", "enrol", address, *words, *more)
    assert code == 2, text
    assert said in text
