"""Requests made up from the control API's document, right and wrong ones, sent to a simulated station."""

from __future__ import annotations

from pathlib import Path

import pytest
from control_station import bench
from made_up_requests import CHECKS, made_up, send
from schemathesis import GenerationMode

ENDLESS = "/v1/log/stream"


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_made_up_requests_get_what_the_document_says(tmp_path: Path, mode: GenerationMode) -> None:
    async with bench(tmp_path) as at:
        document = await at.get("/openapi.json")
        operations = [
            (path, method.upper())
            for path, methods in document["paths"].items()
            for method in methods
            if path != ENDLESS
        ]
        sent = 0
        for path, method in operations:
            for case in made_up(document, path, method, mode):
                case.validate_response(await send(at.http, case), checks=CHECKS)
                sent += 1
    assert sent > 10 * len(operations)
