"""Every error leaves as one `application/problem+json` document (RFC 9457), with words in two languages.

`type` names the kind of problem and is a path on this server, where `GET` explains it. `codes` are for
programs: for a refusal every reason's code, otherwise the one code of the kind. `text` is for people.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from keycabinet.errors import KeyCabinetError
from lifecycle.errors import InvalidRequest, MotorPoolError, Refused, UnknownThing
from lifecycle.ledger import LedgerError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

logger = logging.getLogger(__name__)


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
        return f"/problems/{self.code.replace('_', '-')}"


_THINGS = {
    "officer": "人员",
    "vehicle": "车辆",
    "checkout": "领用记录",
    "order": "维修工单",
    "defect": "故障记录",
    "action": "车辆操作",
    "cabinet": "钥匙柜",
    "slot": "钥匙位",
    "key_set": "钥匙串",
}

KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "refused",
            409,
            "The rules are against it",
            "See `codes` and `text`; `alternatives` can be had.",
            "规则不允许",
        ),
        Kind(
            "conflict", 409, "It does not fit the present state", "Read the resource again.", "与当前状态冲突"
        ),
        Kind(
            "command_conflict",
            409,
            "This Idempotency-Key was used for another request",
            "Use a new key for a new request; repeat a request unchanged.",
            "该请求编号已用于其他内容,新请求请使用新编号",
        ),
        Kind(
            "ahead_of_ledger",
            409,
            "No event with this number is recorded",
            "Another ledger was read before, a newer copy say: read again with after=0.",
            "台账中没有该序号的事件,请从 0 重新读取",
        ),
        *(
            Kind(
                f"unknown_{thing}",
                404,
                f"There is no such {thing}",
                f"Check the {thing}; what exists can be listed.",
                f"没有该{chinese}",
            )
            for thing, chinese in _THINGS.items()
        ),
        Kind(
            "invalid_request",
            422,
            "A value is not allowed",
            "`field`, `value` and `allowed` say which and what would do; `errors` lists all.",
            "填写内容不符合要求",
        ),
        Kind(
            "station_unavailable",
            503,
            "Nothing can be released or recorded just now",
            "Ask again after `Retry-After` seconds, with the same Idempotency-Key.",
            "本站暂时无法发放或登记,请稍后重试",
        ),
        Kind(
            "unauthorized",
            401,
            "A bearer token is needed",
            "Send `Authorization: Bearer <token>` with the token of the site file.",
            "需要访问令牌",
        ),
        Kind(
            "misdirected",
            421,
            "Only local requests are answered",
            "Without a token the station answers only requests addressed to a loopback name: set http.token.",
            "未设置令牌时只接受本机请求",
        ),
        Kind("not_found", 404, "There is nothing at this path", "See /openapi.json.", "没有该路径"),
        Kind("method_not_allowed", 405, "Not with this method", "`Allow` lists the methods.", "不支持该方法"),
        Kind("too_large", 413, "The body is too large", "Send at most 64 KiB.", "请求内容过大"),
        Kind("bad_request", 400, "The request cannot be read", "See `detail`.", "无法读取该请求"),
        Kind(
            "internal",
            500,
            "The server failed",
            "The server's log has the cause.",
            "服务器内部错误",
        ),
    )
}
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Alternative(BaseModel):
    """A vehicle that could be had instead."""

    vehicle: str
    fleet_number: str


class FieldError(BaseModel):
    """One value that is not allowed. `field` is its path, such as `body.defects.0.severity`."""

    field: str
    value: Any = None
    allowed: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "/problems/refused",
                "title": "The rules are against it",
                "status": 409,
                "detail": "vehicle P-112 has a blocking defect",
                "instance": "/v1/checkouts",
                "codes": ["blocking_defect"],
                "text": {"en": "vehicle P-112 has a blocking defect", "zh-CN": "车辆 P-112 有停驶故障"},
                "alternatives": [{"vehicle": "v-118", "fleet_number": "P-118"}],
            }
        }
    )

    type: str = Field(description="Kind of problem; a path on this server that explains it")
    title: str
    status: int
    detail: str
    instance: str = Field(description="Path of the request")
    codes: list[str] = Field(description="For programs: every reason's code, or the one code of the kind")
    text: dict[str, str] = Field(description="For people, by language: en, zh-CN")
    alternatives: list[Alternative] = Field(default_factory=list, description="What could be had instead")
    field: str | None = None
    value: Any = None
    allowed: str | None = None
    errors: list[FieldError] | None = None


def problem(
    code: str, instance: str, *, detail: str | None = None, zh: str | None = None, **more: Any
) -> Problem:
    """A problem of the kind `code`; without words of its own it says what its kind says. `instance`: a path."""
    kind = KINDS[code]
    detail = detail or kind.en
    return Problem(
        type=kind.type,
        title=kind.title,
        status=more.pop("status", kind.status),
        detail=detail,
        instance=quote(instance),
        codes=more.pop("codes", [code]),
        text={"en": detail, "zh-CN": zh or kind.zh},
        **more,
    )


def response(found: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The problem as a response; a 503 carries Retry-After (s)."""
    extra = {"Retry-After": str(RETRY_AFTER_S)} if found.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(
        found.model_dump(exclude_none=True),
        status_code=found.status,
        headers={**extra, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def from_error(error: MotorPoolError, instance: str) -> Problem:
    """What the motor pool raised, as a problem."""
    if isinstance(error, Refused):
        return problem(
            "refused",
            instance,
            detail=error.text("en"),
            zh=error.text("zh-CN"),
            codes=list(error.codes),
            alternatives=[Alternative.model_validate(each.as_json()) for each in error.alternatives],
        )
    if isinstance(error, InvalidRequest):
        wrong = FieldError(field=error.field, value=presentable(error.value), allowed=error.allowed)
        return _invalid([wrong], instance)
    if isinstance(error, UnknownThing):
        zh = f"没有该{_THINGS.get(error.kind, error.kind)}:{error.ref}"
        shown = presentable(error.ref)
        return problem(
            error.code if error.code in KINDS else "not_found",
            instance,
            detail=str(error),
            zh=zh,
            field=error.kind,
            value=shown,
        )
    if error.code in KINDS:
        return problem(error.code, instance, detail=str(error))
    return problem(
        "station_unavailable" if error.retryable else "conflict",
        instance,
        detail=str(error),
        codes=[error.code],
    )


def presentable(value: object) -> Any:
    """The value as JSON can carry it: scalars as they are, anything else as short text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= 200 else text[:199] + "…"


def _invalid(errors: Sequence[FieldError], instance: str) -> Problem:
    first = errors[0]
    detail = "; ".join(f"{each.field} = {each.value!r}: {each.allowed}" for each in errors)
    fields = "、".join(each.field for each in errors)
    return problem(
        "invalid_request",
        instance,
        detail=detail,
        zh=f"{KINDS['invalid_request'].zh}:{fields}",
        field=first.field,
        value=first.value,
        allowed=first.allowed,
        errors=list(errors),
    )


async def _on_motorpool_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MotorPoolError)
    return response(from_error(error, request.url.path))


async def _on_equipment_error(request: Request, error: Exception) -> JSONResponse:
    """A ledger or a cabinet failed below the motor pool: for the client the station is unavailable for now."""
    assert isinstance(error, LedgerError | KeyCabinetError)
    if not error.retryable:
        return await _on_crash(request, error)
    return response(problem("station_unavailable", request.url.path, detail=str(error)))


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        FieldError(
            field=".".join(presentable(str(part)) for part in each["loc"]),
            value=None if each["type"] == "missing" else presentable(each.get("input")),
            allowed=presentable(each["msg"]),
        )
        for each in error.errors()
    ]
    return response(_invalid(found, request.url.path))


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _BY_STATUS.get(error.status_code)
    path = request.url.path
    if code is not None:
        found = problem(code, path)
    else:
        found = problem("bad_request", path, detail=str(error.detail), status=error.status_code)
    headers = dict(error.headers or {})
    if "allow" in {name.lower() for name in headers}:
        headers = {"allow": _allowed(request)}
    return response(found, headers)


def _allowed(request: Request) -> str:
    """Every method that some route of this path has; a router tells only those of the first."""

    def has(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(method for method in METHODS if has(method))


async def _on_crash(request: Request, error: Exception) -> JSONResponse:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response(problem("internal", request.url.path))


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    handlers: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
        MotorPoolError: _on_motorpool_error,
        LedgerError: _on_equipment_error,
        KeyCabinetError: _on_equipment_error,
        RequestValidationError: _on_validation_error,
        HTTPException: _on_http_error,
        Exception: _on_crash,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these statuses and for those that any request may meet."""
    wanted = sorted({*statuses, 401, 413, 421, 422, 500, 503})
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in wanted
    }
