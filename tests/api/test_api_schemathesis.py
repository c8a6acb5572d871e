"""Requests made up from the OpenAPI document, right and wrong ones, sent to a real motor pool in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from api_station import station
from fastapi.routing import APIRoute
from made_up_requests import CHECKS, made_up, send
from schemathesis import GenerationMode

from api.routes import ROUTERS

ENDLESS = "/v1/events/stream"
OPERATIONS = [
    (route.path, method)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path != ENDLESS
    for method in sorted(route.methods)
]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_made_up_requests_get_what_the_document_says(tmp_path: Path, mode: GenerationMode) -> None:
    async with station(tmp_path) as at:
        sent = 0
        for path, method in OPERATIONS:
            for case in made_up(at.app.openapi(), path, method, mode):
                case.validate_response(await send(at.http, case), checks=CHECKS)
                sent += 1
    assert sent > 10 * len(OPERATIONS)
