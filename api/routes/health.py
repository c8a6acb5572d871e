"""Is the station well?"""

from __future__ import annotations

from fastapi import APIRouter

from api import answers
from api.problems import KINDS, documented, problem, response

from .common import Id, Pool

router = APIRouter(tags=["health"])


@router.get("/v1/health", response_model=answers.Health, responses=documented())
async def read_health(pool: Pool) -> object:
    """Lines, cabinets and the ledger's head. Always 200 while the server runs: read `ok`."""
    return pool.health().as_json()


@router.get("/problems/{kind}", response_model=answers.ProblemKind, responses=documented(404))
async def explain_problem(kind: Id) -> object:
    """What a problem's `type` means, and what to do about it."""
    found = KINDS.get(kind.replace("-", "_"))
    if found is None:
        return response(problem("not_found", f"/problems/{kind}"))
    return answers.ProblemKind(
        type=found.type, title=found.title, status=found.status, text={"en": found.en, "zh-CN": found.zh}
    )
