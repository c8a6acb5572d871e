"""Every error leaves as one `application/problem+json` document (RFC 9457), with words in two languages.

The same shape as the station's own HTTP layer gives, which this package must not import: `codes` are for programs,
`text` is for people, `known` lists the names there are.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from simulator.control.clock import CannotAdvance
from simulator.control.words import reason_zh
from simulator.faults.errors import FaultError, UnknownFault, UnknownTarget
from simulator.model import WorldError

MEDIA_TYPE = "application/problem+json"

logger = logging.getLogger(__name__)


class UnknownName(Exception):
    """There is no such thing at this station. `kind` says what was meant, `known` what there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        super().__init__(f"there is no {kind} {name!r}; known: {', '.join(self.known) or 'none'}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, and what to do about it in both languages."""

    code: str
    status: int
    title: str
    en: str
    zh: str

    @property
    def type(self) -> str:
        return f"/problems#{self.code.replace('_', '-')}"


KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "world_refuses",
            409,
            "The world cannot do that",
            "`detail` says what is in the way.",
            "当前无法做到",
        ),
        Kind("real_clock", 409, "Time cannot be hurried", "See `detail`.", "真实时钟下无法快进"),
        Kind(
            "unknown_name", 404, "There is no such thing", "`known` lists the names there are.", "没有该名称"
        ),
        Kind(
            "invalid_request",
            422,
            "A value is not allowed",
            "`errors` says which and what would do.",
            "填写内容不符合要求",
        ),
        Kind(
            "unauthorized",
            401,
            "A bearer token is needed",
            "Send `Authorization: Bearer <token>`.",
            "需要访问令牌",
        ),
        Kind(
            "cross_site",
            403,
            "Not from another web page",
            "A page of another origin may not act on the simulated world.",
            "不接受其他网页的请求",
        ),
        Kind(
            "misdirected",
            421,
            "Only local requests are answered",
            "Without a token only requests addressed to a loopback name are answered.",
            "未设置令牌时只接受本机请求",
        ),
        Kind("not_found", 404, "There is nothing at this path", "See /openapi.json.", "没有该路径"),
        Kind("method_not_allowed", 405, "Not with this method", "`Allow` lists the methods.", "不支持该方法"),
        Kind("too_large", 413, "The body is too large", "Send at most 64 KiB.", "请求内容过大"),
        Kind("bad_request", 400, "The request cannot be read", "See `detail`.", "无法读取该请求"),
        Kind("internal", 500, "The simulator failed", "Its standard error has the cause.", "模拟器内部错误"),
    )
}
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class FieldError(BaseModel):
    """One value that is not allowed. `field` is its path, such as `body.km`."""

    field: str
    value: Any = None
    allowed: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Kind of problem; a path on this server that explains it")
    title: str
    status: int
    detail: str
    instance: str = Field(description="Path of the request")
    codes: list[str] = Field(description="For programs: the code of the kind")
    text: dict[str, str] = Field(description="For people, by language: en, zh-CN")
    known: list[str] | None = Field(default=None, description="With an unknown name: the names there are")
    field: str | None = None
    value: Any = None
    allowed: str | None = None
    errors: list[FieldError] | None = None


def response(
    code: str,
    instance: str,
    *,
    detail: str | None = None,
    zh: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """A problem of the kind `code`; without words of its own it says what its kind says. `instance`: a path."""
    kind = KINDS[code]
    detail = detail or kind.en
    found = Problem(
        type=kind.type,
        title=kind.title,
        status=more.pop("status", kind.status),
        detail=detail,
        instance=quote(instance),
        codes=[code],
        text={"en": detail, "zh-CN": zh or kind.zh},
        **more,
    )
    return JSONResponse(
        found.model_dump(exclude_none=True),
        status_code=found.status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def _presentable(value: object) -> Any:
    """The value as JSON can carry it: scalars as they are, anything else as short text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= 200 else text[:199] + "…"


async def _on_world_error(request: Request, error: Exception) -> JSONResponse:
    zh = reason_zh(str(error))
    return response("world_refuses", request.url.path, detail=str(error), zh=zh)


async def _on_fault_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FaultError)
    if isinstance(error, UnknownFault | UnknownTarget):
        return response("unknown_name", request.url.path, detail=str(error), known=list(error.known))
    return response("world_refuses", request.url.path, detail=str(error))


async def _on_real_clock(request: Request, error: Exception) -> JSONResponse:
    return response("real_clock", request.url.path, detail=str(error))


async def _on_unknown_name(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnknownName)
    zh = f"没有 {error.name};已知:{'、'.join(error.known) or '无'}"
    path, value = request.url.path, _presentable(error.name)
    return response(
        "unknown_name", path, detail=str(error), zh=zh, known=list(error.known), field=error.kind, value=value
    )


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        FieldError(
            field=".".join(_presentable(str(part)) for part in each["loc"]),
            value=None if each["type"] == "missing" else _presentable(each.get("input")),
            allowed=_presentable(each["msg"]),
        )
        for each in error.errors()
    ]
    first = found[0]
    return response(
        "invalid_request",
        request.url.path,
        detail="; ".join(f"{each.field} = {each.value!r}: {each.allowed}" for each in found),
        zh=f"{KINDS['invalid_request'].zh}:{'、'.join(each.field for each in found)}",
        field=first.field,
        value=first.value,
        allowed=first.allowed,
        errors=found,
    )


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _BY_STATUS.get(error.status_code)
    path = request.url.path
    if code is not None:
        return response(code, path, headers=error.headers)
    return response(
        "bad_request", path, detail=str(error.detail), status=error.status_code, headers=error.headers
    )


async def _on_crash(request: Request, error: Exception) -> JSONResponse:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response("internal", request.url.path)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    handlers: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
        WorldError: _on_world_error,
        FaultError: _on_fault_error,
        CannotAdvance: _on_real_clock,
        UnknownName: _on_unknown_name,
        RequestValidationError: _on_validation_error,
        HTTPException: _on_http_error,
        Exception: _on_crash,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these statuses and for those that any request may meet."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, 401, 403, 413, 421, 422, 500})
    }
