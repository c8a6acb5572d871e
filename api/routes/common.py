"""What every route is handed: the motor pool, the waits of this server, and the request's command id."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from api.stream import Waits
from lifecycle import CheckOutHandle, MotorPool


async def _pool(request: Request) -> MotorPool:
    pool: MotorPool = request.app.state.pool
    return pool


async def _waits(request: Request) -> Waits:
    waits: Waits = request.app.state.waits
    return waits


Pool = Annotated[MotorPool, Depends(_pool)]
OpenWaits = Annotated[Waits, Depends(_waits)]
CommandId = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="Same key and same content: acts once, answers the same. Same key, other content: 409.",
        examples=["cad-20261121-0042"],
    ),
]
Id = Annotated[str, Path(min_length=1, max_length=64)]
SlotNumber = Annotated[int, Path(ge=1, le=9999)]


def begun(handle: CheckOutHandle) -> dict[str, Any]:
    """The answer to a release: the check-out, and where its events begin."""
    return {**handle.view.as_json(), "seq": handle.seq}
