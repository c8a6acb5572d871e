"""`motorpool decode`: captured bytes in words, and files of them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from api.commands.program import app
from keycabinet.decoding import protocols

GOLDEN = Path(__file__).parent.parent / "golden" / "cabinet-vectors.json"
ELM327 = GOLDEN.with_name("elm327-vectors.json")
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
        "compared": 0,
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


def test_what_an_adapter_printed() -> None:
    done = decode("elm327", "7E8 04 41 0C 1A F8", "--request", "010C")
    assert done.exit_code == 0
    assert "7E8: engine speed 1726 rpm" in done.stdout
    said = json.loads(decode("elm327", "3431203043203141204638 0D0D3E", "--json").stdout)["said"]
    assert said == [
        {
            "ecu": "any",
            "payload": "410C1AF8",
            "values": [{"name": "engine speed", "value": 1726, "unit": "rpm"}],
        }
    ]
    assert "stored codes P0133, U1016, P1131" in decode(
        "elm327", r"7E8 10 08 43 03 01 33 D0 16\r7E8 21 11 31 00 00 00 00 00"
    ).stdout  # fmt: skip
    assert "coolant temperature" in decode("elm327", "0105").stdout
    assert decode("elm327", "NO DATA").exit_code == 0


def test_what_an_adapter_cannot_have_meant() -> None:
    done = decode("elm327", "48 6B 10 41 0C 0D 48 94", "--request", "010C")
    assert done.exit_code == 1
    assert "wrong checksum" in done.stderr
    done = decode("elm327", "7E8 10 14 49 02 01 31 44 34", "--json")
    assert done.exit_code == 1
    assert "message cut" in json.loads(done.stdout)["error"]
    assert decode("elm327").exit_code == 2


def test_a_file_of_vehicles_and_cabinets(tmp_path: Path) -> None:
    done = decode("--file", str(ELM327), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["protocols"] == {
        "elm327": {"passed": 60, "rebuilt": 55, "compared": 140, "failed": 0, "not_known": 0}
    }
    path = tmp_path / "mixed.json"
    entry = {"protocol": "elm327", "request_ascii": "010D\r", "reply_ascii": "41 0D 37 \r\r>"}
    entries = [
        {**entry, "name": "right", "decoded": {"value": 55, "unit": "km/h"}},
        {**entry, "name": "faster", "decoded": {"value": 56}},
        {**entry, "name": "accepted", "kind": "bad_published"},
        {"protocol": "modbus-tcp", "request_hex": "123400000006010100000008"},
        {"protocol": "openxc", "name": "not built", "reply_ascii": "{}", "decoded": {"name": "door_status"}},
    ]
    path.write_text(json.dumps(entries), encoding="utf-8")
    done = decode("--file", str(path), "--json")
    assert done.exit_code == 1
    verdict = json.loads(done.stdout)
    assert list(verdict["protocols"]) == ["elm327", "modbus-tcp", "openxc"]
    assert verdict["protocols"]["elm327"]["failed"] == 2
    assert verdict["protocols"]["openxc"]["not_known"] == 1
    assert verdict["failures"][0] == {"protocol": "elm327", "name": "faster", "reason": "value is 55, not 56"}
    assert "not built yet" in " ".join(decode("--file", str(path)).stdout.split())
