"""The HTTP application of the control API and its page."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response

from simulator.control import problems
from simulator.control.guard import Guard
from simulator.control.routes import ROUTERS, Control

DESCRIPTION = """\
A simulated motor pool: cabinets, key sets, cars, and what goes wrong with them, in the station's own words.

* Every verb answers with what it made happen; `/v1/log` tells what happens by itself.
* What the world cannot do is a 409 problem with the reason; an unknown name a 404 that lists the known ones.
* Slots are named as they are labelled, such as A-07. Cars go by their id or their fleet number.
"""
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class _Api(FastAPI):
    """Its document names the problem schema and, with a token, the bearer scheme."""

    def __init__(self, *, token: str | None, **settings: Any) -> None:
        self._needs_token = token is not None
        super().__init__(**settings)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document, made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            components = document.setdefault("components", {})
            schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components.setdefault("schemas", {}).update({**schema.pop("$defs", {}), "Problem": schema})
            if self._needs_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
            self.openapi_schema = document
        return self.openapi_schema


def create_app(control: Control, *, token: str | None = None) -> FastAPI:
    """The application over what it controls. With a `token`, every request but those for the page must bear it."""
    app = _Api(
        token=token,
        title="motorpool simulator",
        version=version("motorpool"),
        description=DESCRIPTION,
        docs_url=None,  # these pages load scripts from the internet
        redoc_url=None,
    )
    app.state.control = control
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    _add_page(app)
    app.add_middleware(Guard, token=token)  # the outermost: nothing is read from whom it turns away
    return app


def _add_page(app: FastAPI) -> None:
    """Files of the package, read once: serving them from disk would need a thread."""
    page = {
        each.name: each.read_bytes()
        for each in files(__package__).joinpath("page").iterdir()
        if each.name.rpartition(".")[2] in MEDIA_TYPES
    }

    async def shown(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in page:
            return problems.response("not_found", request.url.path)
        media_type = MEDIA_TYPES[name.rpartition(".")[2]]
        return Response(page[name], media_type=media_type, headers=PAGE_HEADERS)

    app.add_route("/", shown, include_in_schema=False)
    app.add_route("/page/{name}", shown, include_in_schema=False)
