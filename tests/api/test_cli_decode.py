"""`motorpool decode`: captured bytes in words, and files of them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from api.commands.program import app
from keycabinet.decoding import protocols

GOLDEN = Path(__file__).parent.parent / "golden" / "cabinet-vectors.json"
FLASH = "01 05 02 00 00 07 8D B0"


def decode(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["decode", *arguments], env={"COLUMNS": "200"})


def test_a_frame_in_words() -> None:
    done = decode("waveshare-relay-rtu", FLASH)
    assert done.exit_code == 0
    assert "relay 1 flashes on for 700 ms" in done.stdout


def test_a_frame_as_json() -> None:
    done = decode("waveshare-relay-rtu", "01020120A050", "--request", "01020000000879CC", "--json")
    assert done.exit_code == 0
    explained = json.loads(done.stdout)
    assert (explained["protocol"], explained["direction"]) == ("waveshare-relay-rtu", "reply")
    assert explained["fields"][3] == {"name": "data", "hex": "20", "meaning": "on: 5"}
    assert "".join(field["hex"] for field in explained["fields"]) == "01020120A050"


def test_a_bad_frame_says_why() -> None:
    done = decode("waveshare-relay-rtu", "010101015188")
    assert done.exit_code == 1
    assert "90 48" in done.stderr
    done = decode("waveshare-relay-rtu", "010101015188", "--json")
    assert done.exit_code == 1
    assert "CRC" in json.loads(done.stdout)["error"]


def test_a_reply_to_another_request() -> None:
    done = decode("waveshare-relay-rtu", "01020120A050", "--request", "0101000000083DCC")
    assert done.exit_code == 1
    assert "function 1 was asked, 2 answered" in done.stderr


def test_bad_arguments() -> None:
    for arguments, words in (
        (("telepathy", "00"), "modbus-tcp"),
        (("modbus-tcp", "0g"), "hexadecimal"),
        (("modbus-tcp",), "--file"),
        (("--file", "/nowhere.json"), "cannot read"),
    ):
        done = decode(*arguments)
        assert done.exit_code == 2, arguments
        assert words in done.stderr


def test_the_protocols_are_named() -> None:
    done = decode("--list")
    assert done.exit_code == 0
    for name in protocols():
        assert name in done.stdout


def test_a_file_of_vectors() -> None:
    done = decode("--file", str(GOLDEN))
    assert done.exit_code == 0, done.stderr
    assert "waveshare-relay-rtu" in done.stdout
    counted = json.loads(decode("--file", str(GOLDEN), "--json").stdout)
    assert counted["protocols"]["waveshare-relay-rtu"] == {
        "passed": 21,
        "rebuilt": 19,
        "failed": 0,
        "not_known": 0,
    }
    assert counted["failures"] == []


def test_a_file_with_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('[{"protocol": "modbus-tcp", "name": "mine", "request_hex": "00"}]', encoding="utf-8")
    done = decode("--file", str(path))
    assert done.exit_code == 1
    assert "mine" in done.stderr
    path.write_text("no", encoding="utf-8")
    assert decode("--file", str(path)).exit_code == 2
