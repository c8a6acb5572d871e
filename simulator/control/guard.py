"""Who may act on the simulated world: programs of this machine; with a token, whoever bears it.

Nothing real can be opened here, yet a test bench is not for strangers either: without a token only requests addressed
to a loopback name are answered, so that no web page gets in through a name of its own that resolves to 127.0.0.1; and
no page of another origin may act.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.control import problems

MAX_BODY_BYTES = 64 * 1024
OPEN_TO_ALL = ("/", "/page/")
"""The page itself needs no token: it holds nothing, and asks for the token."""


def is_loopback(host: str) -> bool:
    """Whether `host` is `localhost` or a loopback address (127.0.0.0/8, ::1)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware: lets a request through with its whole, small body, or answers with a problem."""

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        code = self._objection(headers, scope["path"])
        body = None if code is not None else await _read(headers, receive)
        if body is None:
            extra = {"WWW-Authenticate": 'Bearer realm="simulator"'} if code == "unauthorized" else None
            refusal = problems.response(code or "too_large", scope["path"], headers=extra)
            await refusal(scope, receive, send)
            return
        waiting = [body]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, replay, send)

    def _objection(self, headers: Headers, path: str) -> str | None:
        host = _authority(f"//{headers.get('host', '')}")
        if self._token is None and not is_loopback(host.rpartition(":")[0]):
            return "misdirected"
        origin = headers.get("origin")
        if origin is not None and _authority(origin) != host:
            return "cross_site"
        public = path == OPEN_TO_ALL[0] or path.startswith(OPEN_TO_ALL[1])
        if self._token is None or public or _bears(headers, self._token):
            return None
        return "unauthorized"


def _authority(url: str) -> str:
    """Name and port of a URL, "127.0.0.1:8080"; ":" for one that cannot be read."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or ''}:{parts.port or ''}"
    except ValueError:
        return ":"


def _bears(headers: Headers, token: bytes) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), token)


async def _read(headers: Headers, receive: Receive) -> Message | None:
    """The whole body as one message; None when it is too large. A client that left is passed on."""
    announced = headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return {"type": "http.request", "body": bytes(body), "more_body": False}
