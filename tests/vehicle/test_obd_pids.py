"""The parameter table, its document, and the self-tests of PID 01."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle.obd.pid_table import PIDS, Form, Pid
from vehicle.obd.pids import Monitor, decode_monitor_status

DOCUMENT = Path(__file__).parents[2] / "docs" / "obd-parameters.md"
HEAD = """# OBD-II parameters that are known

Service 01 of SAE J1979, as in `vehicle/obd/pid_table.py`, of which this page is made. `raw` is the unsigned
big-endian number of the bytes named. What no request of the standard gives: doors, locks, the key's position,
range and plug of an electric car.

| request | meaning | bytes | value | formula | unit | range | source |
|---|---|---|---|---|---|---|---|
"""


def _rows(row: Pid) -> list[str]:
    start = f"| {row.request} | {row.name} | {row.size} |"
    if not row.fields:
        return [f"{start} {row.form.value} | | | | {row.source} |"]
    lines = []
    for each in row.fields:
        low, high = each.range
        name = "" if each.name == row.name else each.name
        whole = each.at == 0 and each.size == row.size
        where = "" if whole else f"bytes {each.at + 1} to {each.at + each.size}: " if each.size > 1 else ""
        where = where or ("" if whole else f"byte {each.at + 1}: ")
        lines.append(
            f"{start} {name} | {where}{each.formula} | {each.unit} | {low:.10g} to {high:.10g} | {row.source} |"
        )
    return lines


def document() -> str:
    """The page."""
    return HEAD + "".join(f"{line}\n" for row in PIDS.values() for line in _rows(row))


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text() == document()


def test_the_table_is_whole() -> None:
    assert list(PIDS) == sorted(PIDS)
    for pid in range(0x60):
        assert pid in PIDS, f"{pid:02X}"
    for row in PIDS.values():
        assert row.name
        assert row.source
        assert (row.form is Form.NUMBER) == bool(row.fields)
        assert all(each.at + each.size <= row.size for each in row.fields)
        assert len({each.name for each in row.fields}) == len(row.fields)
        assert (row.form is Form.WORD) == bool(row.words)


@pytest.mark.parametrize(
    ("pid", "data", "value"),
    [
        (0x06, "80", 0.0),
        (0x0A, "FF", 765.0),
        (0x0E, "FF", 63.5),
        (0x10, "FFFF", 655.35),
        (0x22, "FFFF", 5177.265),
        (0x23, "0001", 10.0),
        (0x32, "8000", -8192.0),
        (0x3C, "FFFF", 6513.5),
        (0x43, "FFFF", 25700.0),
        (0x53, "FFFF", 327.675),
        (0x54, "FFFF", -1.0),
        (0x5D, "0000", -210.0),
        (0x61, "00", -125.0),
        (0x7F, "07" + "00000E10" + "00000001" + "00000000", 3600.0),
    ],
)
def test_values(pid: int, data: str, value: float) -> None:
    assert PIDS[pid].decode(bytes.fromhex(data)) == pytest.approx(value)


def test_several_numbers_in_one_answer() -> None:
    sensor = PIDS[0x14].decode_all(bytes.fromhex("5A80"))
    assert sensor == {"voltage": 0.45, "fuel trim": 0.0}
    current = PIDS[0x34].decode_all(bytes.fromhex("80008000"))
    assert current == {"equivalence ratio": 1.0, "current": 0.0}
    assert PIDS[0x34].decode_all(b"\0") is None


def test_words() -> None:
    assert PIDS[0x51].word(b"\x08") == "electric"
    assert PIDS[0x1C].word(b"\x06") == "EOBD"
    assert PIDS[0x51].word(b"\xee") is None
    assert PIDS[0x51].decode(b"\x08") is None


@given(st.sampled_from(sorted(PIDS)), st.binary(min_size=13, max_size=13))
def test_every_value_is_in_its_range(pid: int, data: bytes) -> None:
    row = PIDS[pid]
    for each in row.fields:
        value, (low, high) = each.decode(data[: row.size]), each.range
        assert value is None or low <= value <= high


def test_monitors_of_a_spark_engine() -> None:
    status = decode_monitor_status(bytes.fromhex("81076504"))
    assert status is not None
    assert [each.name for each in status.monitors] == [
        "misfire",
        "fuel system",
        "components",
        "catalyst",
        "evaporative system",
        "oxygen sensor",
        "oxygen sensor heater",
    ]
    assert [each.name for each in status.monitors if not each.complete] == ["evaporative system"]


def test_monitors_of_a_diesel() -> None:
    status = decode_monitor_status(bytes.fromhex("00790303"))
    assert status is not None
    assert status.compression_ignition
    assert status.monitors == (
        Monitor("misfire", False),
        Monitor("NMHC catalyst", False),
        Monitor("NOx aftertreatment", False),
    )
