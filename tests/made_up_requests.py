"""Requests made up from an OpenAPI document, right and wrong ones, and what every answer must keep to.

They are generated first, the same ones every time, and then sent by our own client: what answers lives on the loop of
virtual time, where schemathesis' own transport cannot reach it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS as ALL_CHECKS
from schemathesis.checks import load_all_checks

EXAMPLES = 20
load_all_checks()
CHECKS = ALL_CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "positive_data_acceptance",
    ]
)


def made_up(document: dict[str, Any], path: str, method: str, mode: GenerationMode) -> list[Case]:
    """Cases for one operation, the same in every run."""
    operation = schemathesis.openapi.from_dict(document)[path][method]
    cases: list[Case] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Case) -> None:
        cases.append(case)

    with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
        collect()
    return cases


async def send(http: httpx.AsyncClient, case: Case) -> httpx.Response:
    asked = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
    made = requests.Request(**asked).prepare()
    headers = [(_raw(name), _raw(value)) for name, value in made.headers.items()]
    return await http.request(str(made.method), str(made.url), headers=headers, content=made.body)


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
