"""A small station on simulated hardware, and clients of its HTTP layer. Everything is real but the hardware."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from lifecycle import MotorPool, load_site
from simulator.station import SimulatedStation
from simulator.world import World

SITE = """
[station]
code = "330108-04"
[lines]
a = "modbus+tcp://192.168.1.200:502"
[cabinets.A]
place = { en = "duty room", zh-CN = "值班室" }
boards = [{ line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
"""
ROSTER = """
units = [{ id = "u-04", name = "Station 04" }]
officers = [
  { id = "of-1a", badge = "013542", name = "Li Wei", unit = "u-04", classes = ["patrol"] },
  { id = "of-2b", badge = "020117", name = "Zhang Min", unit = "u-04", classes = ["patrol"] },
]
vehicles = [
  { id = "v-112", fleet_number = "P-112", class = "patrol", unit = "u-04" },
  { id = "v-118", fleet_number = "P-118", class = "patrol", unit = "u-04" },
]
key_sets = [
  { id = "ks-112-1", vehicle = "v-112", items = ["key", "fuel_card"], home = "A-01" },
  { id = "ks-118-1", vehicle = "v-118", home = "A-02" },
]
"""
MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Station:
    pool: MotorPool
    world: World
    app: FastAPI
    http: httpx.AsyncClient

    async def get(self, path: str, expect: int = 200) -> Any:
        return checked(await self.http.get(path), expect)

    async def post(self, path: str, body: dict[str, Any], expect: int = 201, key: str | None = None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return checked(await self.http.post(path, json=body, headers=headers), expect)

    async def check_out(self, **more: Any) -> Any:
        return await self.post("/v1/checkouts", {"officer": "013542", "vehicle": "P-112", **more})

    async def pull(self, trip: Any) -> Any:
        """A hand at the slot: waits for the lock, pulls the set."""
        slot = int(trip["slot"].rpartition("-")[2])
        async with asyncio.timeout(20):
            while not self.world.unlocked("A", slot):
                await asyncio.sleep(0.05)
        self.world.pull(trip["key_set"])
        return await self.get(f"/v1/checkouts/{trip['id']}?wait=taken&timeout=20")

    async def put(self, trip: Any, slot: int) -> Any:
        self.world.put(trip["key_set"], "A", slot)
        return await self.get(f"/v1/checkouts/{trip['id']}?wait=returned&timeout=20")


def checked(found: httpx.Response, expect: int) -> Any:
    assert found.status_code == expect, found.text
    kind = "application/problem+json" if expect >= 400 else "application/json"
    assert found.headers["content-type"] == kind
    return found.json()


@asynccontextmanager
async def station(folder: Path, *, token: str | None = None) -> AsyncIterator[Station]:
    """The station open in `folder`, in virtual time."""
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    loop, chance = asyncio.get_running_loop(), random.Random(1)
    site = load_site(folder / "site.toml")
    async with SimulatedStation(site, seed=1).running("memory") as hardware:
        opening = MotorPool.open(
            site,
            opener=hardware.opener,
            urls=hardware.urls,
            radio=hardware.radio,
            pacers=hardware.pacers,
            clock=lambda: MORNING + timedelta(seconds=loop.time()),
            ids=lambda prefix: f"{prefix}_{chance.randbytes(6).hex()}",
        )
        async with await opening as pool:
            app = create_app(pool, token=token)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
                yield Station(pool, hardware.world, app, http)
