"""Defects, whoever or whatever found them. They are reported on the vehicle."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import answers, bodies
from api.problems import documented

from .common import Id, Pool

router = APIRouter(prefix="/v1/defects", tags=["defects"])


@router.get("", response_model=answers.Defects, responses=documented(404))
async def list_defects(pool: Pool, query: Annotated[bodies.DefectsQuery, Query()]) -> object:
    """Defects, oldest first."""
    found = pool.defects(vehicle=query.vehicle, open_only=query.open_only)
    return {"defects": [defect.as_json() for defect in found]}


@router.get("/{defect}", response_model=answers.Defect, responses=documented(404))
async def read_defect(pool: Pool, defect: Id) -> object:
    """One defect."""
    return pool.defect(defect).as_json()
