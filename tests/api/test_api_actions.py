"""What terminals are told, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from api_station import ROSTER, SITE, Station

from api.app import create_app
from lifecycle import load_site
from simulator.station import SimulatedStation
from simulator.terminals.sealed_keys import terminal_key
from simulator.testing import running_station

TERMINAL = f"""terminal.kind = "sealed"
terminal.address = "F0:F1:F2:F3:F4:01"
terminal.key = "{terminal_key("v-112").public.hex}"
"""
CAR = '"P-112", class = "patrol", unit = "u-04"'
SEALED = ", ".join([CAR, *TERMINAL.splitlines()])


@asynccontextmanager
async def sealed_station(folder: Path) -> AsyncIterator[Station]:
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    roster = ROSTER.replace(CAR, SEALED)
    (folder / "roster.toml").write_text(roster, encoding="utf-8")
    site = load_site(folder / "site.toml")
    simulated = SimulatedStation(site, seed=1, radio="memory")
    async with simulated.running("memory"), running_station(site, simulated) as running:
        app = create_app(running.pool)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            yield Station(running.pool, running.world, app, http)


async def test_a_holder_locks_the_car(tmp_path: Path) -> None:
    async with sealed_station(tmp_path) as at:
        trip = await at.pull(await at.check_out())
        await asyncio.sleep(10)
        shown = (await at.get(f"/v1/checkouts/{trip['id']}"))["actions"]
        assert [(each["action"], each["state"]) for each in shown] == [
            ("mobilise", "confirmed"),
            ("unlock", "confirmed"),
        ]
        body = {"officer": "013542", "action": "lock"}
        asked = await at.post("/v1/vehicles/P-112/actions", body, key="lock-1")
        assert (asked["state"], asked["checkout"]) == ("pending", trip["id"])
        assert (await at.post("/v1/vehicles/P-112/actions", body, key="lock-1"))["id"] == asked["id"]
        ended = await at.get(f"/v1/actions/{asked['id']}?timeout=20")
        assert (ended["state"], ended["told"]["doors"]) == ("confirmed", "locked")
        listed = await at.get("/v1/vehicles/P-112/actions")
        assert [each["action"] for each in listed["actions"]] == ["mobilise", "lock"]
        assert (await at.get("/v1/vehicles/P-112"))["actions"] == listed["actions"]
        assert at.world.car("v-112").doors_locked


async def test_what_is_refused(tmp_path: Path) -> None:
    async with sealed_station(tmp_path) as at:
        path = "/v1/vehicles/P-112/actions"
        refused = await at.post(path, {"officer": "013542", "action": "unlock"}, expect=409)
        assert refused["codes"] == ["not_held"]
        refused = await at.post(path, {"officer": "013542", "action": "immobilise"}, expect=409)
        assert refused["codes"] == ["class_not_immobilised"]
        none = await at.post(
            "/v1/vehicles/P-118/actions", {"officer": "013542", "action": "lock"}, expect=409
        )
        assert none["codes"] == ["not_capable"]
        await at.post(path, {"officer": "013542", "action": "honk"}, expect=422)
        missing = await at.get("/v1/actions/ac_0", expect=404)
        assert missing["codes"] == ["unknown_action"]
        assert (await at.get("/v1/actions/ac_0?timeout=5", expect=404))["type"] == "/problems/unknown-action"
        assert (await at.get("/v1/vehicles/P-118/actions"))["actions"] == []
