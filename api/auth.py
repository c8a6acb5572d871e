"""Who may talk to a station: holders of the token of the site file; without a token, this machine only.

Keys are behind this door, so the careless setting is the one that does not start: another address than
loopback needs a token. Without one, requests addressed to any other name than a loopback one are turned away
too, so that a web page in the duty room's browser cannot reach the station through a name of its own that
resolves to 127.0.0.1.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lifecycle.errors import InvalidRequest

from . import problems


def is_loopback(host: str) -> bool:
    """Whether `host` is `localhost` or a loopback address (127.0.0.0/8, ::1)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_listen(listen: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8080` or `[::1]:8080`; port 0: any free one. Raises `InvalidRequest`."""
    allowed = "host:port, such as 127.0.0.1:8080 or [::1]:8080"
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.netloc != listen or parts.username is not None:
        raise InvalidRequest("http.listen", listen, allowed)
    return host, port


def check_exposure(host: str, token: str | None) -> None:
    """Raise `InvalidRequest` when `host` is reachable from elsewhere and there is no token."""
    if token is None and not is_loopback(host):
        raise InvalidRequest(
            "http.listen",
            host,
            "without a token only a loopback address (127.0.0.1, ::1); set http.token in the site file",
        )


class Guard:
    """ASGI middleware: lets a request through, or answers 401 or 421. Compares tokens in constant time."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._token is None:
            code = None if _addressed_locally(headers) else "misdirected"
        else:
            code = None if _bears(headers, self._token) else "unauthorized"
        if code is None:
            await self._app(scope, receive, send)
            return
        extra = {"WWW-Authenticate": 'Bearer realm="motorpool"'} if code == "unauthorized" else None
        await problems.response(problems.problem(code, scope["path"]), extra)(scope, receive, send)


def _addressed_locally(headers: Headers) -> bool:
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)


def _bears(headers: Headers, token: bytes) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), token)
