"""Defects, whoever or whatever found them. They are reported on the vehicle."""

from __future__ import annotations

from fastapi import APIRouter

from api import answers
from api.problems import documented

from .common import Pool

router = APIRouter(prefix="/v1/defects", tags=["defects"])


@router.get("", response_model=answers.Defects, responses=documented())
async def list_defects(pool: Pool) -> object:
    """Defects, oldest first."""
    return {"defects": [defect.as_json() for defect in pool.defects()]}
