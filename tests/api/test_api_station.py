"""A station over HTTP: a trip, a repair, refusals, and what goes wrong, against a real motor pool in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from api_station import station

LI, ZHANG = "013542", "020117"


async def test_reading_a_station_at_rest(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        cabinets = (await at.get("/v1/cabinets"))["cabinets"]
        assert [each["name"] for each in cabinets] == ["A"]
        assert await at.get("/v1/cabinets/A") == cabinets[0]
        assert cabinets[0]["place"] == {"en": "duty room", "zh-CN": "值班室"}
        assert cabinets[0]["proof"] == "proved"
        slot = await at.get("/v1/cabinets/A/slots/1")
        assert slot == cabinets[0]["slots"][0]
        assert (slot["label"], slot["presence"], slot["key_set"]) == ("A-01", "present", "ks-112-1")
        vehicles = (await at.get("/v1/vehicles"))["vehicles"]
        assert [each["availability"] for each in vehicles] == ["ready", "ready"]
        assert await at.get("/v1/vehicles/P-112") == await at.get("/v1/vehicles/v-112") == vehicles[0]
        assert (await at.get("/v1/vehicles/P-112/telemetry"))["fleet_number"] == "P-112"
        health = await at.get("/v1/health")
        assert (health["station"], health["ok"], health["cabinets"]) == ("330108-04", True, {"A": True})
        assert (await at.get("/v1/checkouts"))["checkouts"] == []
        assert (await at.get("/v1/orders"))["orders"] == []
        assert (await at.get("/v1/defects"))["defects"] == []


async def test_a_trip_from_asking_to_declaring(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        found = await at.http.post(
            "/v1/checkouts",
            json={"officer": LI, "vehicle_class": "patrol", "purpose": "call_out", "incident": "42"},
            headers={"Idempotency-Key": "cad-42"},
        )
        trip = found.json()
        assert found.status_code == 201, trip
        assert found.headers["location"] == f"/v1/checkouts/{trip['id']}"
        assert (trip["officer"], trip["purpose"], trip["incident"]) == ("of-1a", "call_out", "42")
        out = await at.pull(trip)
        assert (out["state"], out["proof"], out["holder"]) == ("out", "proved", "of-1a")
        assert (await at.get("/v1/checkouts"))["checkouts"] == [out]

        handed = await at.post(f"/v1/checkouts/{trip['id']}/holder", {"to": ZHANG, "by": LI}, 200)
        assert handed["holder"] == "of-2b"
        home = await at.put(trip, 5)
        assert (home["state"], home["returned_to"]) == ("returned", "A-05")
        declared = await at.post(
            f"/v1/checkouts/{trip['id']}/declaration",
            {"officer": ZHANG, "odometer_km": 48260, "bay": "B1-23", "items_missing": ["key"],
             "defects": [{"code": "tyre", "severity": "minor"}]},
            200,
        )  # fmt: skip
        assert declared["declaration"]["odometer_km"] == 48260
        assert (await at.get("/v1/checkouts"))["checkouts"] == []
        assert [each["id"] for each in (await at.get("/v1/checkouts?open_only=false"))["checkouts"]] == [
            trip["id"]
        ]
        assert [each["code"] for each in (await at.get("/v1/defects"))["defects"]] == ["tyre"]

        page = await at.get(f"/v1/events?after={trip['seq'] - 1}&vehicle={trip['fleet_number']}")
        kinds = [event["kind"] for event in page["events"]]
        for kind in (
            "ReleaseIntended",
            "KeySetTaken",
            "KeySetHandedOver",
            "KeySetReturned",
            "DefectReported",
        ):
            assert kind in kinds
        assert {event["ids"]["vehicle"] for event in page["events"]} == {trip["vehicle"]}


async def test_a_repair_from_defect_to_acceptance(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        defect = await at.post(
            "/v1/vehicles/P-112/defects",
            {"reporter": LI, "code": "brakes", "severity": "critical"},
            key="d-1",
        )
        assert (defect["vehicle"], defect["state"]) == ("v-112", "open")
        down = await at.get("/v1/vehicles/P-112")
        assert down["availability"] == "down"
        no = await at.post("/v1/checkouts", {"officer": LI, "vehicle": "P-112"}, 409)
        assert no["type"] == "/problems/refused"
        assert "blocking_defect" in no["codes"]
        assert no["alternatives"] == [{"vehicle": "v-118", "fleet_number": "P-118"}]
        order = await at.post("/v1/orders", {"vehicle": "P-112", "by": ZHANG, "workshop": "garage-7"})
        assert order["defects"] == [defect["id"]]
        trip = await at.post(f"/v1/orders/{order['id']}/hand-to-workshop", {"by": LI})
        assert trip["order"] == order["id"]
        await at.pull(trip)
        await at.put(trip, 1)
        same = await at.post(f"/v1/orders/{order['id']}/accept", {"by": LI}, 409)
        assert same["codes"] == ["same_person"]
        accepted = await at.post(f"/v1/orders/{order['id']}/accept", {"by": ZHANG}, 200)
        assert accepted["accepted_by"] == "of-2b"
        assert (await at.get("/v1/vehicles/P-112"))["availability"] == "ready"
        assert (await at.get("/v1/orders"))["orders"] == []
        assert (await at.get("/v1/orders?open_only=false"))["orders"] == [accepted]
        assert await at.get(f"/v1/orders/{order['id']}") == accepted
        assert (await at.get("/v1/defects"))["defects"] == []
        closed = (await at.get("/v1/defects?open_only=false&vehicle=P-112"))["defects"]
        assert [each["id"] for each in closed] == [defect["id"]]


async def test_the_same_command_acts_once_and_other_content_is_refused(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        ask = {"officer": LI, "vehicle": "P-112"}
        first = await at.post("/v1/checkouts", ask, key="cad-1")
        again = await at.post("/v1/checkouts", ask, key="cad-1")
        assert again["id"] == first["id"]
        other = await at.post("/v1/checkouts", {**ask, "vehicle": "P-118"}, 409, key="cad-1")
        assert other["type"] == "/problems/command-conflict"
        await at.pull(first)
        assert at.world.pulses("A", 1) == 1


async def test_opening_a_slot_follows_the_same_rules(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        path = "/v1/cabinets/A/slots/{}/open"
        trip = await at.post(path.format(2), {"officer": LI, "reason": "stock-take"})
        assert (trip["key_set"], trip["purpose"]) == ("ks-118-1", "stock-take")
        again = await at.post(path.format(2), {"officer": ZHANG, "reason": "mine"}, 409)
        assert again["type"] == "/problems/refused"
        empty = await at.post(path.format(3), {"officer": LI, "reason": "look"}, 404)
        assert empty["codes"] == ["unknown_key_set"]
        none = await at.post(path.format(99), {"officer": LI, "reason": "look"}, 404)
        assert none["codes"] == ["unknown_slot"]
        await at.post(path.format(1), {"officer": LI, "reason": "   "}, 422)
        await at.pull(trip)


async def test_a_wrong_method_is_told_all_that_the_path_has(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        for path in ("/v1/orders", "/v1/checkouts", "/v1/vehicles/P-112/actions"):
            found = await at.http.delete(path)
            assert (found.status_code, found.headers["allow"]) == (405, "GET, POST")


async def test_a_badge_at_a_cabinet(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        found = await at.http.post("/v1/cabinets/A/identify", json={"officer": LI})
        assert (found.status_code, found.content) == (204, b"")
        await at.post("/v1/cabinets/A/identify", {"officer": "999"}, 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/checkouts", {"officer": "999", "vehicle": "P-112"}, 404, "unknown_officer"),
        ("POST", "/v1/checkouts", {"officer": LI, "vehicle": "P-999"}, 404, "unknown_vehicle"),
        ("POST", "/v1/checkouts", {"officer": LI}, 422, "invalid_request"),
        (
            "POST",
            "/v1/checkouts",
            {"officer": LI, "vehicle": "P-112", "colour": "red"},
            422,
            "invalid_request",
        ),
        ("POST", "/v1/checkouts", {"officer": "\x00" * 65, "vehicle": "P-112"}, 422, "invalid_request"),
        ("GET", "/v1/vehicles/P-999", None, 404, "unknown_vehicle"),
        ("GET", "/v1/vehicles/P-999/telemetry", None, 404, "unknown_vehicle"),
        ("GET", "/v1/cabinets/Z", None, 404, "unknown_cabinet"),
        ("GET", "/v1/cabinets/A/slots/9", None, 404, "unknown_slot"),
        ("GET", "/v1/cabinets/A/slots/one", None, 422, "invalid_request"),
        ("GET", "/v1/checkouts/co_x", None, 404, "unknown_checkout"),
        ("GET", "/v1/checkouts/co_x?wait=taken", None, 404, "unknown_checkout"),
        ("GET", "/v1/checkouts/co_x?wait=landed", None, 422, "invalid_request"),
        ("GET", "/v1/checkouts/co_x?timeout=inf", None, 422, "invalid_request"),
        ("GET", "/v1/checkouts?opn_only=true", None, 422, "invalid_request"),
        ("GET", "/v1/events?vehicle=P-999", None, 404, "unknown_vehicle"),
        ("GET", "/v1/events?after=-1", None, 422, "invalid_request"),
        ("GET", "/v1/events?after=9999", None, 409, "ahead_of_ledger"),
        ("GET", "/v1/events/stream?after=9999", None, 409, "ahead_of_ledger"),
        ("GET", "/v1/events/stream?after=x", None, 422, "invalid_request"),
        ("POST", "/v1/orders/wo_x/accept", {"by": LI}, 404, "unknown_order"),
        ("POST", "/v1/checkouts/co_x/holder", {"by": LI, "to": ZHANG}, 404, "unknown_checkout"),
        ("DELETE", "/v1/vehicles", None, 405, "method_not_allowed"),
        ("GET", "/v2/vehicles", None, 404, "not_found"),
        ("GET", "/docs", None, 404, "not_found"),
        ("POST", "/v1/checkouts", {"officer": "x" * 70_000}, 413, "too_large"),
    ],
)
async def test_bad_input_is_a_problem(
    tmp_path: Path, method: str, path: str, body: Any, status: int, code: str
) -> None:
    async with station(tmp_path) as at:
        found = await at.http.request(method, path, json=body)
        assert found.status_code == status, found.text
        assert found.headers["content-type"] == "application/problem+json"
        problem = found.json()
        assert problem["codes"] == [code]
        assert problem["status"] == status
        explained = await at.get(problem["type"])
        assert explained["title"] == problem["title"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "é"])
async def test_a_bad_idempotency_key_is_a_problem(tmp_path: Path, key: str) -> None:
    async with station(tmp_path) as at:
        found = await at.http.post(
            "/v1/checkouts",
            json={"officer": LI, "vehicle": "P-112"},
            headers={"Idempotency-Key": key.encode("latin-1")},
        )
        assert found.status_code == 422, found.text
        assert found.json()["field"] == "header.Idempotency-Key"


async def test_a_large_body_is_refused_however_it_comes(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    async with station(tmp_path) as at:
        found = await at.http.post("/v1/checkouts", content=pieces())
        assert found.status_code == 413
        assert found.json()["type"] == "/problems/too-large"


async def test_a_token_is_asked_for_everywhere(tmp_path: Path) -> None:
    async with station(tmp_path, token="correct-horse-battery") as at:
        for path in ("/v1/health", "/v1/vehicles", "/openapi.json", "/nothing"):
            await at.get(path, 401)
        found = await at.http.get("/v1/health", headers={"Authorization": "Bearer correct-horse-battery"})
        assert found.status_code == 200


async def test_waiting_ends_with_the_time_out(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        loop = asyncio.get_running_loop()
        trip = await at.check_out()
        started = loop.time()
        still = await at.get(f"/v1/checkouts/{trip['id']}?wait=taken&timeout=7")
        assert loop.time() - started == pytest.approx(7, abs=0.1)
        assert still["state"] in ("intended", "released", "unknown")
        assert await at.get(f"/v1/checkouts/{trip['id']}?wait=taken&timeout=0") == still
        await at.pull(trip)


async def test_a_long_poll_answers_when_something_happens(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        loop = asyncio.get_running_loop()
        head = (await at.get("/v1/health"))["ledger_seq"]
        assert await at.get(f"/v1/events?after={head}") == {"events": [], "next": head}
        started = loop.time()
        assert await at.get(f"/v1/events?after={head}&wait=9") == {"events": [], "next": head}
        assert loop.time() - started == pytest.approx(9, abs=0.1)
        poll = asyncio.create_task(at.get(f"/v1/events?after={head}&wait=25&vehicle=P-118"))
        await at.post("/v1/vehicles/P-112/defects", {"reporter": LI, "code": "tyre", "severity": "minor"})
        await asyncio.sleep(1)
        assert not poll.done()
        await at.post("/v1/vehicles/P-118/defects", {"reporter": LI, "code": "horn", "severity": "minor"})
        page = await poll
        assert [event["kind"] for event in page["events"]] == ["DefectReported"]
        assert page["next"] == page["events"][-1]["seq"] == head + 2
        assert len((await at.get("/v1/events?limit=2"))["events"]) == 2


async def test_a_stopping_server_ends_every_wait(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        loop = asyncio.get_running_loop()
        head = (await at.get("/v1/health"))["ledger_seq"]
        poll = asyncio.create_task(at.get(f"/v1/events?after={head}&wait=60"))
        await asyncio.sleep(1)
        before = loop.time()
        at.app.state.waits.close()
        assert (await poll)["events"] == []
        assert (await at.get(f"/v1/events?after={head}&wait=60"))["events"] == []
        assert loop.time() - before < 1
