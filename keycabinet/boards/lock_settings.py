"""What the site file may set on a lock board, and how what it says wrong is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keycabinet.boards.lock_board import Timing
from keycabinet.config import BoardConfig
from keycabinet.errors import Problem


class LockSettings(BaseModel):
    """`settings = { ... }` of a board in the site file, common to all lock boards; times in ms."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    unlock_timeout_ms: int | None = Field(default=None, ge=10, le=30_000)
    rest_ms: int | None = Field(default=None, ge=0, le=5_000, description="least time between two polls")


S = TypeVar("S", bound=LockSettings)


def settings_of(model: type[S], config: BoardConfig) -> S:
    """The settings of a board whose table has been checked."""
    return model.model_validate(dict(config.settings))


def settings_problems(model: type[BaseModel], config: BoardConfig) -> Sequence[Problem]:
    """Everything that is wrong in `settings`, each with what is allowed."""
    try:
        model.model_validate(dict(config.settings))
    except ValidationError as wrong:
        return [
            Problem(("settings", *error["loc"]), error["input"], _allowed(model, error["type"], error["msg"]))
            for error in wrong.errors()
        ]
    return ()


def _allowed(model: type[BaseModel], kind: str, message: str) -> str:
    return f"one of {', '.join(model.model_fields)}" if kind == "extra_forbidden" else message


def timing_of(config: BoardConfig, settings: LockSettings, usual: Timing) -> Timing:
    """The usual times of a board with what the site file says instead."""

    def seconds(given_ms: float | None, usual_s: float) -> float:
        return usual_s if given_ms is None else given_ms / 1000

    return Timing(
        reply_s=seconds(config.reply_timeout_ms, usual.reply_s),
        unlock_s=seconds(settings.unlock_timeout_ms, usual.unlock_s),
        gap_s=seconds(config.gap_ms, usual.gap_s),
        rest_s=seconds(settings.rest_ms, usual.rest_s),
        settle_s=usual.settle_s,
    )
