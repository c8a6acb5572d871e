"""Actions: what vehicles' terminals were told, and how that stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import answers, bodies
from api.problems import documented

from .common import Id, OpenWaits, Pool

router = APIRouter(prefix="/v1/actions", tags=["actions"])


@router.get("/{action}", response_model=answers.Action, responses=documented(404))
async def read_action(
    pool: Pool, waits: OpenWaits, action: Id, query: Annotated[bodies.ActionQuery, Query()]
) -> object:
    """One order to a terminal; with `timeout`, as soon as it has ended, or after so many seconds."""
    found = pool.action(action)
    if query.timeout > 0:
        async with waits.at_most(query.timeout):
            found = await pool.wait_action(action, within=query.timeout)
    return found.as_json()
