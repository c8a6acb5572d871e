"""Line URLs: what they mean, and what is said of a wrong one."""

from __future__ import annotations

import pytest

from keycabinet.errors import LineUrlError
from keycabinet.transport import LineUrl


@pytest.mark.parametrize(
    "text",
    [
        "serial:///dev/ttyUSB0?baudrate=9600&parity=N",
        "serial:///dev/ttyUSB0?baudrate=115200&parity=E&stopbits=2&gap_ms=10",
        "rtu+tcp://10.0.0.7:4001?gap_ms=5",
        "modbus+tcp://[fe80::1]:502",
    ],
)
def test_a_url_survives_the_round_trip(text: str) -> None:
    assert str(LineUrl.parse(text)) == text


def test_defaults() -> None:
    assert LineUrl.parse("serial:///dev/ttyS0") == LineUrl("serial", path="/dev/ttyS0")
    assert LineUrl.parse("modbus+tcp://board").port == 502


@pytest.mark.parametrize(
    ("options", "silence_ms"),
    [
        ("baudrate=9600", 3.646),
        ("baudrate=9600&parity=E", 4.010),
        ("baudrate=19200", 1.823),
        ("baudrate=115200", 1.75),
    ],
)
def test_silence(options: str, silence_ms: float) -> None:
    assert LineUrl.parse(f"serial:///dev/x?{options}").silence_s * 1000 == pytest.approx(
        silence_ms, abs=0.001
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "scheme"),
        ("/dev/ttyUSB0", "scheme"),
        ("tcp://host:1", "scheme"),
        ("serial://dev/ttyUSB0", "host"),
        ("serial:///", "path"),
        ("serial:///dev/x?baudrate=9601", "baudrate"),
        ("serial:///dev/x?baudrate=", "baudrate"),
        ("serial:///dev/x?parity=X", "parity"),
        ("serial:///dev/x?speed=9600", "option"),
        ("serial:///dev/x?parity=N&parity=E", "option"),
        ("serial:///dev/x?gap_ms=-1", "gap_ms"),
        ("serial:///dev/x?gap_ms=nan", "gap_ms"),
        ("rtu+tcp://host", "port"),
        ("rtu+tcp://host:0", "port"),
        ("rtu+tcp://host:70000", "port"),
        ("rtu+tcp://host:abc", "port"),
        ("modbus+tcp://", "host"),
        ("modbus+tcp://host/path", "path"),
        ("modbus+tcp://host?gap_ms=1", "option"),
        ("modbus+tcp://user@host", "form"),
        ("modbus+tcp://[::1", "form"),
    ],
)
def test_a_wrong_url_names_field_value_and_what_is_allowed(text: str, field: str) -> None:
    with pytest.raises(LineUrlError) as wrong:
        LineUrl.parse(text)
    assert wrong.value.field == field
    assert wrong.value.allowed in str(wrong.value)
