"""Adapters that want more of a connection: a bond, or credits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from bleak.exc import BleakError
from hypothesis import given
from hypothesis import strategies as st
from standing_car import StandingCar

from simulator.terminals import Elm327Device, TerminalPark
from vehicle import Terminal, TerminalConfig, open_terminal
from vehicle.ble import Radio
from vehicle.credits import MOST, WINDOW, Credits
from vehicle.errors import ConnectionDropped, PairingRequired
from vehicle.gatt import PROFILES, Bond

ADDRESS = "F0:F1:F2:F3:F4:F5"


@dataclass
class Car(StandingCar):
    stored_dtcs: tuple[str, ...] = tuple(f"P0{n}" for n in range(300, 340))


@asynccontextmanager
async def adapter(
    profile: str, *, wants_bond: bool = False, **client: Any
) -> AsyncIterator[tuple[Terminal, TerminalPark]]:
    car, park = Car(), TerminalPark()
    park.add_device(Elm327Device(car), ADDRESS, profile, wants_bond=wants_bond)
    async with park:
        radio = Radio(type("Client", (park.client_backend,), client), park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
        yield terminal, park
        await radio.close()


# -- bonds


async def test_a_bond_is_made_once_and_kept() -> None:
    async with adapter("fff0", wants_bond=True) as (terminal, park):
        for _ in range(3):
            assert (await terminal.read_telemetry()).vin.known
        assert park.peripheral(ADDRESS).pairings == 1


async def test_where_no_bond_is_wanted_none_is_made() -> None:
    async with adapter("fff0") as (terminal, park):
        assert (await terminal.read_telemetry()).vin.known
        assert park.peripheral(ADDRESS).pairings == 0


async def test_pairing_that_fails_is_not_tried_again_and_nothing_is_unpaired() -> None:
    attempts: list[str] = []

    async def pair(*_: Any, **__: Any) -> None:
        attempts.append("pair")
        raise BleakError("AuthenticationTimeout")

    async def unpair(*_: Any) -> None:
        attempts.append("unpair")

    async with adapter("fff0", wants_bond=True, pair=pair, unpair=unpair) as (terminal, _):
        with pytest.raises(PairingRequired, match=r"AuthenticationTimeout.*within five minutes"):
            await terminal.read_telemetry()
        with pytest.raises(PairingRequired):
            await terminal.read_telemetry()
    assert attempts == ["pair"]


async def test_a_passkey_is_for_a_person_to_type() -> None:
    async with adapter("fee0", wants_bond=True) as (terminal, park):
        with pytest.raises(PairingRequired, match="passkey: pair it once by hand"):
            await terminal.read_telemetry()
        assert park.peripheral(ADDRESS).pairings == 0


async def test_a_family_that_never_bonds_is_not_paired() -> None:
    async with adapter("ffe0", wants_bond=True) as (terminal, park):
        with pytest.raises(PairingRequired):
            await terminal.read_telemetry()
        assert park.peripheral(ADDRESS).pairings == 0


def test_which_families_bond() -> None:
    assert {row.name: row.bond for row in PROFILES if row.bond is not Bond.NONE} == {
        "fff0": Bond.JUST_WORKS,
        "fee0": Bond.PASSKEY,
    }


# -- credits


async def test_credits_are_given_and_kept_to() -> None:
    async with adapter("tio") as (terminal, park):
        for _ in range(2):
            read = await terminal.read_telemetry()
            assert read.stored_dtcs.value == Car.stored_dtcs
        assert park.peripheral(ADDRESS).overdrafts == 0


async def test_without_credits_nothing_is_sent() -> None:
    taken: list[bytes] = []

    async def never(client: Any, characteristic: Any, callback: Any, **options: Any) -> None:
        if not characteristic.uuid.startswith("00000004"):
            await super(type(client), client).start_notify(characteristic, callback, **options)

    async with adapter("tio", start_notify=never) as (terminal, park):
        receive = park.peripheral(ADDRESS).device.receive
        park.peripheral(ADDRESS).device.receive = lambda data, now: (taken.append(data), receive(data, now))[
            1
        ]  # type: ignore[method-assign]
        with pytest.raises(ConnectionDropped, match="no acknowledgement for 10 s"):
            await terminal.read_telemetry()
    assert taken == []


@given(st.lists(st.sampled_from(["grant", "spend", "receive"]) | st.binary(max_size=2), max_size=200))
def test_credits_never_run_over(acts: list[str | bytes]) -> None:
    account, granted = Credits(), 0
    for act in acts:
        if isinstance(act, bytes):
            account.granted(act)
        elif act == "spend":
            before = account.to_send
            assert account.spend() == (before > 0)
        elif act == "receive":
            account.received()
        else:
            grant = account.grant()
            granted += 0 if grant is None else grant[0]
        assert 0 <= account.to_send <= MOST
        assert 0 <= account.open <= WINDOW
    assert granted <= WINDOW + len(acts)
