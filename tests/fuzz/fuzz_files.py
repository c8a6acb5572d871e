"""Fuzz targets of files and texts that people write: site and roster, profiles, captures, vectors, addresses."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from fuzz_tools import GOLDEN, Target

from keycabinet.capture import CaptureFileError, parse_capture
from keycabinet.errors import LineUrlError, ProfileError
from keycabinet.fobs import Fob
from keycabinet.profile import BoardProfile
from keycabinet.profile_file import load_profile
from keycabinet.transport import LineUrl
from keycabinet.vectors import VectorFileError, parse_vectors, run_vectors
from lifecycle.errors import SiteError
from lifecycle.model import parse_slot_label, slot_label
from lifecycle.site import load_site
from vehicle.radio_url import RadioUrl, RadioUrlError

_EXAMPLES = Path(__file__).parents[2] / "examples"
_SCRATCH = tempfile.TemporaryDirectory(prefix="motorpool-fuzz-")
_CUT = b"\n# roster\n"
"""Stands between a site file and its roster in one input."""


def site(data: bytes) -> None:
    """A site file with its roster: a site, or a SiteError that names the keys."""
    head, _, tail = data.partition(_CUT)
    path = Path(_SCRATCH.name) / "site.toml"
    path.write_bytes(head)
    (path.parent / "roster.toml").write_bytes(tail)
    try:
        loaded = load_site(path)
    except SiteError:
        return
    assert loaded.slots()


def _site_seeds() -> Iterator[bytes]:
    whole = (_EXAMPLES / "site.toml").read_bytes() + _CUT + (_EXAMPLES / "roster.toml").read_bytes()
    yield whole
    for path in sorted(_EXAMPLES.glob("**/*.toml")):
        yield path.read_bytes()


def profile(data: bytes) -> None:
    """A board's register map: a profile, or what is wrong with which lines."""
    path = Path(_SCRATCH.name) / "board.toml"
    path.write_bytes(data)
    with suppress(ProfileError):
        read = load_profile.__wrapped__(path)  # a profile is read once a process: not here
        assert BoardProfile.model_validate(read.model_dump()) == read


def _profile_seeds() -> Iterator[bytes]:
    for entry in sorted((files("keycabinet") / "profiles").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            yield entry.read_bytes()


def captures(data: bytes) -> None:
    """A recorded line, and a file of example frames: read and written alike, or the line that is wrong."""
    text = data.decode("utf-8", "replace")
    with suppress(CaptureFileError):
        capture = parse_capture(text)
        again = parse_capture("\n".join(capture.lines()))
        assert [piece.data for piece in again.pieces] == [piece.data for piece in capture.pieces]
        assert str(again.url) == str(capture.url)
    with suppress(VectorFileError):
        verdict = run_vectors(parse_vectors(text))
        assert sum(each.failed for each in verdict.tallies) == len(verdict.failures)


def _capture_seeds() -> Iterator[bytes]:
    yield (GOLDEN / "capture-1.jsonl").read_bytes()
    yield b'[{"protocol": "xor-8a", "request_hex": "80010033b2", "reply_hex": "8001ffffff334d"}]'
    yield b'[{"protocol": "wkly", "request_hex": "", "reply_hex": "00", "kind": "bad_published"}]'


def addresses(data: bytes) -> None:
    """URLs of lines and radios, fobs, slots: read and written alike, or refused."""
    text = data.decode("latin-1")
    with suppress(LineUrlError):
        url = LineUrl.parse(text)
        assert str(LineUrl.parse(str(url))) == str(url)
        assert abs(LineUrl.parse(str(url)).gap_s - url.gap_s) < 1e-5
    with suppress(RadioUrlError):
        RadioUrl.parse(text)
    with suppress(ValueError):
        fob = Fob.parse(text)
        assert Fob.parse(str(fob)) == fob
    with suppress(ValueError):
        label = parse_slot_label(text)
        assert parse_slot_label(slot_label(*label)) == label


def _address_seeds() -> Iterator[bytes]:
    for text in (
        "serial:///dev/ttyUSB0?baudrate=9600&parity=E&stopbits=1&gap_ms=4", "modbus+tcp://192.0.2.1:502",
        "rtu+tcp://[2001:db8::1]:4001?gap_ms=20", "tcp://gateway:4001", "ble:", "ble://hci1", "esphome://proxy:6053?key=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "em:003B51C6", "epc:E284361100001000094944AA", "rom:010203040506070F", "A-07",
    ):  # fmt: skip
        yield text.encode()


TARGETS = (
    Target("site", "a site, or what is wrong with which key", site, _site_seeds, longest=6000),
    Target(
        "profile", "a register map, or what is wrong with which lines", profile, _profile_seeds, longest=2000
    ),
    Target(
        "captures", "a record of a line, or the line that is wrong", captures, _capture_seeds, longest=1500
    ),
    Target(
        "addresses", "URLs, fobs and slots are read and written alike", addresses, _address_seeds, longest=120
    ),
)
