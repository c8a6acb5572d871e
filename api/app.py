"""The HTTP application: routes over one motor pool, behind a guard, with every error a problem document."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lifecycle import MotorPool

from . import problems
from .auth import Guard
from .limit import BodyLimit
from .routes import ROUTERS
from .stream import Waits

DESCRIPTION = """\
A police motor pool: key cabinets, vehicles, and the book of custody.

* Repeat a `POST` with the same `Idempotency-Key` as often as you like: it acts once and answers the same.
* Every error is `application/problem+json` (RFC 9457) with `codes` for programs and `text` for people.
* Taking and returning are observed: `GET /v1/checkouts/{id}?wait=taken` waits, `/v1/events` tells.
* `/v1/events/kinds` lists what can happen, what to do when it does, and the JSON Schema of each kind of event.
"""


class Api(FastAPI):
    """A FastAPI application whose document names the problem schema and, with a token, the bearer scheme."""

    def __init__(self, *, token: str | None, **settings: Any) -> None:
        self._needs_token = token is not None
        super().__init__(**settings)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document, made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
            )
            components = document.setdefault("components", {})
            components.setdefault("schemas", {}).update(_problem_schemas())
            if self._needs_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
            self.openapi_schema = document
        return self.openapi_schema


def create_app(pool: MotorPool, *, token: str | None = None) -> FastAPI:
    """The application over an open motor pool; closing the pool is the caller's.

    With a `token`, every request must bear it; without, only requests addressed to a loopback name
    are answered.
    `app.state.waits.close()` ends every long poll and stream: call it before the server stops.
    """
    app = Api(
        token=token,
        title="motorpool",
        version=version("motorpool"),
        description=DESCRIPTION,
        docs_url=None,  # these pages load scripts from the internet, and a station has none
        redoc_url=None,
    )
    app.state.pool = pool
    app.state.waits = Waits()
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, token=token)  # the outermost: nothing is read from whom it turns away
    return app


def _problem_schemas() -> dict[str, Any]:
    schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema.pop("$defs", {})
    return {**definitions, "Problem": schema}
