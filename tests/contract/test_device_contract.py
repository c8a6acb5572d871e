"""Every profile against the board contract on the simulator's device side, in memory, over a pty and over TCP."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import pytest
from device_bench import DeviceContract, NetworkContract

import keycabinet
from keycabinet.boards.base import board_shapes
from keycabinet.profile_file import is_file

QUICK = {"reply_timeout_ms": 100, "settings": {"unlock_timeout_ms": 700, "rest_ms": 10}}


class TestXor8a(DeviceContract):
    profile = "xor-8a-8"


class TestXor8aWith50Locks(DeviceContract):
    profile = "xor-8a-50"


class TestXor8aWithALongerMap(DeviceContract):
    profile = "xor-8a-32"
    options: ClassVar[dict[str, object]] = {"pulse_ms": 2000, "settings": {"unlock_timeout_ms": 3000}}


class TestXor8aOverTcp(DeviceContract):
    profile, medium = "xor-8a-24", "tcp"


@pytest.mark.real_time
class TestXor8aOverPty(DeviceContract):
    profile, medium, options = "xor-8a-12", "pty", QUICK


class TestCu48(DeviceContract):
    profile = "kerong-cu48-60"


class TestCu48OverTcp(DeviceContract):
    profile, medium = "kerong-cu48-60", "tcp"


@pytest.mark.real_time
class TestCu48OverPty(DeviceContract):
    profile, medium, options = "kerong-cu48-60", "pty", QUICK


class TestCu16(DeviceContract):
    profile, address = "kerong-cu16", 0


class TestCu16OverTcp(DeviceContract):
    profile, medium = "kerong-cu16", "tcp"


@pytest.mark.real_time
class TestCu16OverPty(DeviceContract):
    profile, medium, options = "kerong-cu16", "pty", QUICK


class TestWkly(DeviceContract):
    profile = "wkly-24"


class TestWklyOverTcp(DeviceContract):
    profile, medium = "wkly-4", "tcp"


@pytest.mark.real_time
class TestWklyOverPty(DeviceContract):
    profile, medium, options = "wkly-8", "pty", QUICK


class TestWaveshare(DeviceContract):
    profile = "waveshare-relay-d-8"


@pytest.mark.real_time
class TestWaveshareOverPty(DeviceContract):
    profile, medium = "waveshare-io-8ch", "pty"


class TestWaveshareOverTcp(DeviceContract):
    profile, medium = "waveshare-relay-16", "tcp"


class TestEletechsup(DeviceContract):
    profile = "eletechsup-n4d8b08"


class TestEletechsupWith16Channels(DeviceContract):
    profile = "eletechsup-n4d3e16"
    options: ClassVar[dict[str, object]] = {"pulse_ms": 3000}


class TestEletechsupWithoutInputs(DeviceContract):
    profile = "eletechsup-r421a08"


class TestEletechsupOverTcp(DeviceContract):
    profile, medium = "eletechsup-n4d8b08", "tcp"


@pytest.mark.real_time
class TestEletechsupOverPty(DeviceContract):
    profile, medium = "eletechsup-n4d8b08", "pty"


class TestAdam6050(NetworkContract):
    profile, address = "advantech-adam-6050", 1


class TestAdam6050ReadAnotherWay(NetworkContract):
    profile, address = "advantech-adam-6050", 1
    options: ClassVar[dict[str, object]] = {"settings": {"inputs_read": "discrete_inputs"}}


@pytest.mark.real_time
class TestE1210OverARealSocket(NetworkContract):
    profile, address = "moxa-iologik-e1210", 1


OWN = str(Path(__file__).parents[1] / "golden" / "profile-of-ones-own.toml")


class TestAProfileFile(DeviceContract):
    profile = OWN


class TestAProfileFileOverModbusTcp(NetworkContract):
    profile = OWN


class TestAProfileFileOfCoils(DeviceContract):
    profile = str(Path(keycabinet.__file__).parent / "profiles" / "waveshare-io-8ch.toml")


NETWORK_ONLY = ("advantech", "moxa")


def test_every_family_is_under_contract_in_memory_over_a_pty_and_over_tcp() -> None:
    families = {profile.partition("-")[0] for profile in board_shapes()}
    for medium in ("memory", "pty", "tcp"):
        tried = _families(kind.profile for kind in DeviceContract.__subclasses__() if kind.medium == medium)
        assert tried == families.difference(NETWORK_ONLY)
    assert _families(kind.profile for kind in NetworkContract.__subclasses__()) == set(NETWORK_ONLY)


def _families(profiles: Iterable[str]) -> set[str]:
    return {profile.partition("-")[0] for profile in profiles if not is_file(profile)}
