"""A small simulated station under control, and a client of its control API, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lifecycle import Site, load_site
from simulator.control import controlled, create_app
from simulator.control.routes import Control
from simulator.station import SimulatedStation
from simulator.world import World

SITE = """
[station]
code = "330108-04"
[lines]
a = "serial:///dev/ttyUSB0?baudrate=9600"
b = "modbus+tcp://192.168.1.200:502"
[cabinets.A]
place = { en = "duty room", zh-CN = "值班室" }
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
[cabinets.B]
place = { en = "garage", zh-CN = "车库" }
[[cabinets.B.boards]]
name = "b1"
line = "b"
address = 1
profile = "waveshare-relay-d-8"
slots = "1-8"
[[cabinets.B.boards]]
name = "b2"
line = "b"
address = 2
profile = "waveshare-io-8ch"
door_lock = 1
door_contact = 1
lamps = "1-4@2"
"""
ROSTER = """
units = [{ id = "u-04", name = "Station 04" }]
key_sets = [
  { id = "P-112/1", vehicle = "v-112", home = "A-01" },
  { id = "ks-118", vehicle = "v-118", home = "B-02" },
]
[[vehicles]]
id = "v-112"
fleet_number = "P-112"
class = "patrol"
unit = "u-04"
terminal = { kind = "obd", address = "F0:00:00:00:01:12" }
[[vehicles]]
id = "v-118"
fleet_number = "P-118"
class = "patrol"
unit = "u-04"
"""
OPEN = bytes.fromhex("0502000002")
"""What opens the lock on a board's first channel: relay on for 200 ms."""


def site(folder: Path) -> Site:
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(folder / "site.toml")


@dataclass(frozen=True, slots=True)
class Bench:
    station: SimulatedStation
    control: Control
    http: httpx.AsyncClient

    @property
    def world(self) -> World:
        return self.station.world

    async def get(self, path: str, expect: int = 200) -> Any:
        return checked(await self.http.get(path), expect)

    async def post(self, path: str, body: dict[str, Any] | None = None, expect: int = 200) -> Any:
        return checked(await self.http.post(path, json=body), expect)

    async def delete(self, path: str, expect: int = 200) -> Any:
        return checked(await self.http.delete(path), expect)

    async def kinds(self, path: str, body: dict[str, Any] | None = None) -> list[str]:
        """Do something, and return the kinds of what happened."""
        return [each["kind"] for each in (await self.post(path, body))["happened"]]

    async def slot(self, label: str) -> Any:
        cabinet, _, number = label.partition("-")
        state = await self.get("/v1/state")
        found = next(each for each in state["cabinets"] if each["name"] == cabinet)
        return found["slots"][int(number) - 1]


def checked(found: httpx.Response, expect: int) -> Any:
    assert found.status_code == expect, found.text
    kind = "application/problem+json" if expect >= 400 else "application/json"
    assert found.headers["content-type"] == kind
    return found.json()


@asynccontextmanager
async def bench(folder: Path, *, token: str | None = None) -> AsyncIterator[Bench]:
    """The station up in memory, with its control API."""
    station = SimulatedStation(site(folder), seed=1, radio="memory")
    async with station.running("memory"):
        with controlled(station) as control:
            transport = httpx.ASGITransport(create_app(control, token=token))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8090") as http:
                yield Bench(station, control, http)
