"""Several radios used as one, and where a vehicle was heard."""

from __future__ import annotations

import asyncio
import sys

import pytest
from standing_car import StandingCar

from simulator.terminals import Elm327Device, MemoryRadio, TerminalPark
from vehicle import TerminalConfig, open_terminal
from vehicle.ble import Radio
from vehicle.errors import ConnectFailed, OutOfRange, RadioUnavailable
from vehicle.link import Heard, Link, ListeningRadio, RadioPort
from vehicle.opening import open_radios
from vehicle.proxy import EsphomeProxy
from vehicle.radio_url import RadioUrl, RadioUrlError
from vehicle.radios import Radios, Sighting

ADDRESS = "F0:F1:F2:F3:F4:F5"
KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


def place(rssi: int, *, in_range: bool = True) -> MemoryRadio:
    """A radio that hears the car so loud, or does not."""
    radio = MemoryRadio()
    car = StandingCar(in_range=in_range)
    radio.add(car, ADDRESS, adapter=Elm327Device(car))
    radio.on_air(ADDRESS).rssi = rssi
    return radio


async def read(radios: RadioPort, find_s: float = 3.0) -> bool:
    config = TerminalConfig(kind="obd", address=ADDRESS, find_s=find_s)
    return (await open_terminal(config, radios, name="P-112").read_telemetry()).vin.known


class Broken:
    """A radio without a working driver."""

    async def hear(self, terminal: str, address: str, *, find_s: float) -> Heard:
        raise RadioUnavailable(terminal, "unplugged")

    def last_heard(self, address: str) -> Heard | None:
        return None

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> Link:
        raise RadioUnavailable(terminal, "unplugged")

    async def close(self) -> None:
        pass


async def test_the_strongest_is_used() -> None:
    yard, garage, street = place(-90), place(-50), place(-40, in_range=False)
    radios = Radios({"yard": yard, "garage": garage, "street": street})
    assert await read(radios)
    assert [each.on_air(ADDRESS).connections for each in (yard, garage, street)] == [0, 1, 0]
    sighting = radios.sighting(ADDRESS.lower())
    assert sighting is not None
    assert (sighting.place, sighting.rssi) == ("garage", -50)
    now = asyncio.get_running_loop().time()
    assert sighting.age(now + 60) > 60


async def test_where_the_strongest_does_not_connect_the_next_is_used() -> None:
    yard, garage = place(-90), place(-50)
    garage.on_air(ADDRESS).slow_link.append(lambda: 9.0)
    radios = Radios({"yard": yard, "garage": garage})
    assert await read(radios)
    assert yard.on_air(ADDRESS).connections == 1
    assert radios.sighting(ADDRESS) is not None


async def test_heard_nowhere_is_out_of_range_within_the_time_allowed() -> None:
    radios = Radios({"yard": place(-90, in_range=False), "garage": place(-50, in_range=False)})
    start = asyncio.get_running_loop().time()
    with pytest.raises(OutOfRange, match="P-112"):
        await read(radios)
    assert asyncio.get_running_loop().time() - start == pytest.approx(3.0, abs=0.1)
    assert radios.sighting(ADDRESS) is None


async def test_a_broken_radio_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    assert await read(Radios({"yard": Broken(), "garage": place(-50)}))
    assert "radio yard: P-112" in caplog.text
    with pytest.raises(OutOfRange):
        await read(Radios({"yard": Broken(), "garage": place(-50, in_range=False)}))
    with pytest.raises(RadioUnavailable):
        await read(Radios({"yard": Broken(), "garage": Broken()}))


async def test_heard_and_not_reached_is_a_sighting_too() -> None:
    yard = place(-70)
    yard.on_air(ADDRESS).slow_link.append(lambda: 9.0)
    radios = Radios({"yard": yard})
    with pytest.raises(ConnectFailed):
        await read(radios)
    sighting = radios.sighting(ADDRESS)
    assert sighting is not None
    assert (sighting.place, sighting.rssi) == ("yard", -70)


async def test_a_radio_that_only_connects_is_asked_last() -> None:
    class Hand:
        """An officer's telephone, say."""

        def __init__(self) -> None:
            self.radio = place(-60)

        async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> Link:
            return await self.radio.connect(terminal, address, find_s=find_s, connect_s=connect_s)

    assert not isinstance(Hand(), ListeningRadio)
    hand, yard = Hand(), place(-90)
    assert await read(Radios({"hand": hand, "yard": yard}))
    assert hand.radio.on_air(ADDRESS).connections == 0
    radios = Radios({"hand": hand, "yard": place(-90, in_range=False)})
    assert await read(radios)
    assert radios.sighting(ADDRESS) == Sighting(ADDRESS, "hand", None, pytest.approx(6.4, abs=3.5))


async def test_two_parks_over_bleak() -> None:
    cars, parks = [StandingCar(), StandingCar(in_range=False)], [TerminalPark(), TerminalPark()]
    for car, park in zip(cars, parks, strict=True):
        park.add(car, ADDRESS)
    async with parks[0], parks[1]:
        radios = Radios(
            {
                name: Radio(park.client_backend, park.scanner_backend)
                for name, park in zip(("yard", "garage"), parks, strict=True)
            }
        )
        assert await read(radios)
        first = radios.sighting(ADDRESS)
        cars[0].in_range, cars[1].in_range = False, True
        assert await read(radios)
        second = radios.sighting(ADDRESS)
        await radios.close()
    assert first is not None
    assert second is not None
    assert (first.place, second.place) == ("yard", "garage")
    assert isinstance(first.rssi, int)


def test_no_radio_is_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Radios({})


# -- the site file's words


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ble://", RadioUrl("ble")),
        ("ble://hci1", RadioUrl("ble", "hci1")),
        ("esphome://10.8.4.21", RadioUrl("esphome", None, "10.8.4.21", 6053, None)),
        (f"esphome://yard.lan:6054?key={KEY}", RadioUrl("esphome", None, "yard.lan", 6054, KEY)),
    ],
)
def test_urls(text: str, url: RadioUrl) -> None:
    assert RadioUrl.parse(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yard",
        "ble://hci1/x",
        "ble://somewhere",
        "ble://hci1?key=1",
        "esphome://",
        "esphome://host:port",
        "esphome://host?key=short",
        "esphome://host?colour=red",
        "esphome://me@host",
        f"esphome://host?key={KEY}&key={KEY}",
        "esphome://[::1",
    ],
)
def test_what_is_no_radio(text: str) -> None:
    with pytest.raises(RadioUrlError, match=r"allowed are ble://"):
        RadioUrl.parse(text)


def test_radios_are_opened_by_their_places() -> None:
    urls = {"here": RadioUrl.parse("ble://hci1"), "yard": RadioUrl.parse("esphome://10.8.4.21")}
    assert open_radios(urls).places == ("here", "yard")
    with pytest.raises(ValueError, match="one esphome proxy"):
        open_radios({"a": urls["yard"], "b": urls["yard"]})


async def test_a_proxy_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak_esphome", None)
    proxy = EsphomeProxy(RadioUrl.parse("esphome://10.8.4.21"))
    with pytest.raises(RadioUnavailable, match="pip install bleak-esphome"):
        await proxy.connect("P-112", ADDRESS, find_s=1, connect_s=1)
    assert proxy.last_heard(ADDRESS) is None
    await proxy.close()
