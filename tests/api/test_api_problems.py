"""Every error is a problem document: right type, status, codes and words."""

from __future__ import annotations

import math
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from api import problems
from keycabinet.errors import DeviceSilent
from lifecycle.errors import (
    CommandConflict,
    InvalidRequest,
    MotorPoolError,
    Refused,
    ReleaseFailed,
    StationUnavailable,
    UnknownThing,
)
from lifecycle.ledger import LedgerClosed, LedgerUnavailable
from lifecycle.model import Alternative, Reason

REFUSED = Refused(
    [
        Reason("blocking_defect", "P-112 has a blocking defect", "P-112 有停驶故障"),
        Reason("out", "it is out", "已领用"),
    ],
    [Alternative("v-118", "P-118")],
)


class Thing(BaseModel):
    size: int


def make_app(error: Exception) -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/fails")
    async def fails() -> None:
        raise error

    @app.post("/things")
    async def things(thing: Thing) -> None: ...

    return app


async def ask(
    error: Exception, method: str = "GET", path: str = "/fails", **request: object
) -> httpx.Response:
    transport = httpx.ASGITransport(make_app(error), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        found = await client.request(method, path, **request)  # type: ignore[arg-type]
    assert found.headers["content-type"] == problems.MEDIA_TYPE
    body = found.json()
    assert body["status"] == found.status_code
    assert body["instance"] == path
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    assert set(body["text"]) == {"en", "zh-CN"}
    assert body["codes"]
    return found


async def test_a_refusal_has_every_code_both_languages_and_alternatives() -> None:
    found = await ask(REFUSED)
    assert found.status_code == 409
    body = found.json()
    assert body["type"] == "/problems/refused"
    assert body["codes"] == ["blocking_defect", "out"]
    assert body["text"] == {
        "en": "P-112 has a blocking defect; it is out",
        "zh-CN": "P-112 有停驶故障; 已领用",
    }
    assert body["alternatives"] == [{"vehicle": "v-118", "fleet_number": "P-118"}]


@pytest.mark.parametrize(
    ("error", "status", "kind", "codes"),
    [
        (UnknownThing("vehicle", "P-999"), 404, "unknown-vehicle", ["unknown_vehicle"]),
        (UnknownThing("officer", "1"), 404, "unknown-officer", ["unknown_officer"]),
        (UnknownThing("checkout", "co_1"), 404, "unknown-checkout", ["unknown_checkout"]),
        (CommandConflict("cad-1"), 409, "command-conflict", ["command_conflict"]),
        (InvalidRequest("odometer_km", -1, "0 or more"), 422, "invalid-request", ["invalid_request"]),
        (StationUnavailable("cabinet A is silent"), 503, "station-unavailable", ["station_unavailable"]),
        (ReleaseFailed("A-07", "rejected", None), 503, "station-unavailable", ["release_failed"]),
        (MotorPoolError("odd"), 409, "conflict", ["motorpool_error"]),
        (LedgerUnavailable(Path("a.db"), "disk full"), 503, "station-unavailable", ["station_unavailable"]),
        (DeviceSilent("board a1", "no reply"), 503, "station-unavailable", ["station_unavailable"]),
        (LedgerClosed(Path("a.db")), 500, "internal", ["internal"]),
    ],
)
async def test_each_error_has_its_status_and_codes(
    error: Exception, status: int, kind: str, codes: list[str]
) -> None:
    found = await ask(error)
    assert found.status_code == status
    assert found.json()["type"] == f"/problems/{kind}"
    assert found.json()["codes"] == codes
    assert ("retry-after" in found.headers) == (status == 503)


async def test_an_invalid_request_names_field_value_and_what_is_allowed() -> None:
    body = (await ask(InvalidRequest("odometer_km", math.nan, "a finite number"))).json()
    assert (body["field"], body["value"], body["allowed"]) == ("odometer_km", "nan", "a finite number")


async def test_a_body_that_does_not_fit_is_a_problem_naming_the_field() -> None:
    body = (await ask(REFUSED, "POST", "/things", json={"size": "big"})).json()
    assert body["type"] == "/problems/invalid-request"
    assert body["field"] == "body.size"
    assert body["value"] == "big"
    assert "integer" in body["allowed"]
    assert body["errors"] == [{"field": "body.size", "value": "big", "allowed": body["allowed"]}]


@pytest.mark.parametrize("text", [b"{", b'{"size": NaN}', b'{"size": "\\ud800"}', b"\xff\xfe", b"", b"[1]"])
async def test_no_body_however_odd_is_more_than_a_problem(text: bytes) -> None:
    found = await ask(REFUSED, "POST", "/things", content=text, headers={"content-type": "application/json"})
    assert found.status_code == 422


async def test_wrong_path_and_wrong_method() -> None:
    assert (await ask(REFUSED, path="/nothing")).json()["type"] == "/problems/not-found"
    found = await ask(REFUSED, "DELETE", "/fails")
    assert found.status_code == 405
    assert found.json()["type"] == "/problems/method-not-allowed"
    assert found.headers["allow"] == "GET"


async def test_a_crash_tells_nothing_to_the_client(caplog: pytest.LogCaptureFixture) -> None:
    found = await ask(RuntimeError("a secret"))
    assert found.status_code == 500
    assert "secret" not in found.text
    assert "a secret" in caplog.text


def test_long_values_are_shortened() -> None:
    assert len(problems.presentable("x" * 10_000)) == 200
    assert problems.presentable({"a": 1}) == "{'a': 1}"
    assert problems.presentable(None) is None
    assert problems.presentable(2.5) == 2.5


def test_every_kind_has_words_in_both_languages() -> None:
    for code, kind in problems.KINDS.items():
        assert kind.code == code
        assert kind.title
        assert kind.en
        assert any("一" <= character <= "鿿" for character in kind.zh)
