"""The OpenAPI document is complete, true to the views, and holds against generated requests."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_station import station
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel

from api import answers
from api.routes import ROUTERS
from lifecycle import model
from lifecycle.event_kinds import EVENT_KINDS, json_schema

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


@pytest.mark.parametrize(
    ("view", "answer", "more"),
    [
        (model.SlotView, answers.Slot, set()),
        (model.CabinetView, answers.Cabinet, set()),
        (model.KeySetView, answers.KeySet, set()),
        (model.VehicleView, answers.Vehicle, set()),
        (model.CheckOutView, answers.CheckOut, set()),
        (model.CheckOutView, answers.CheckOutBegun, {"seq"}),
        (model.DefectView, answers.Defect, set()),
        (model.OrderView, answers.Order, set()),
        (model.LineHealth, answers.LineHealth, set()),
        (model.Health, answers.Health, set()),
        (model.Reason, answers.Reason, set()),
    ],
)
def test_an_answer_leaves_nothing_of_its_view_out(
    view: type, answer: type[BaseModel], more: set[str]
) -> None:
    fields = {field.name for field in dataclasses.fields(view)}
    assert set(answer.model_fields) - more == fields


def every_call(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for each in dependant.dependencies:
        yield from every_call(each)


def test_nothing_runs_in_a_thread() -> None:
    calls = [call for route in ROUTES for call in every_call(route.dependant)]
    assert len(calls) > 2 * len(ROUTES)
    for call in calls:
        assert inspect.iscoroutinefunction(call), call


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


async def test_the_document_is_complete(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        document = await at.get("/openapi.json")
    schemas = document["components"]["schemas"]
    assert "securitySchemes" not in document["components"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert "HTTPValidationError" not in schemas
    operations = [
        (path, method, each) for path, item in document["paths"].items() for method, each in item.items()
    ]
    assert len(operations) == len(ROUTES)
    for path, method, operation in operations:
        assert operation["description"], (path, method)
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"]
            elif status != "204":
                assert list(answer["content"]) in (["application/json"], ["text/event-stream"])
        assert {"401", "422", "500", "503"} <= set(operation["responses"])
        if "requestBody" in operation:
            body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[
                2
            ]
            assert schemas[body]["additionalProperties"] is False


async def test_with_a_token_the_document_says_so(tmp_path: Path) -> None:
    async with station(tmp_path, token="correct-horse-battery") as at:
        bearer = {"Authorization": "Bearer correct-horse-battery"}
        document = (await at.http.get("/openapi.json", headers=bearer)).json()
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert document["security"] == [{"token": []}]


async def test_every_kind_of_event_is_explained(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        kinds = (await at.get("/v1/events/kinds"))["kinds"]
        trip = await at.check_out()
        await at.pull(trip)
        events = (await at.get("/v1/events"))["events"]
    assert [each["kind"] for each in kinds] == list(EVENT_KINDS)
    explained = {each["kind"]: each for each in kinds}
    assert explained["KeySetRemoved"]["alarm"]
    assert explained["KeySetRemoved"]["to_do"].startswith("Find out at once")
    assert {"KeySetEnrolled", "ReleaseIntended", "KeySetTaken"} <= {each["kind"] for each in events}
    for event in [*events, answers.Event.model_config["json_schema_extra"]["example"]]:
        Draft202012Validator(explained[event["kind"]]["json_schema"], validate_formats=True).validate(event)


def test_the_schema_of_every_kind_has_what_an_event_is_answered_with() -> None:
    for kind in EVENT_KINDS:
        schema = json_schema(kind)
        assert schema["required"] == list(schema["properties"]) == list(answers.Event.model_fields)


async def test_every_example_fits_its_schema(tmp_path: Path) -> None:
    async with station(tmp_path) as at:
        schemas = at.app.openapi()["components"]["schemas"]
    shown = 0
    for name, schema in schemas.items():
        answer = getattr(answers, name, None)
        if "example" in schema and answer is not None:
            answer.model_validate(schema["example"])
            assert not set(schema["example"]) - set(answer.model_fields)
            shown += 1
    assert shown >= 6
