"""Check-outs: ask for a car, wait for it to be taken and to come home, declare, hand over."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import answers, bodies
from api.problems import documented

from .common import CommandId, Id, OpenWaits, Pool, begun

router = APIRouter(prefix="/v1/checkouts", tags=["checkouts"])


@router.post("", status_code=201, response_model=answers.CheckOutBegun, responses=documented(400, 404, 409))
async def check_out(
    pool: Pool, response: Response, body: bodies.CheckOutBody, command_id: CommandId = None
) -> object:
    """Release a vehicle's key set to an officer. Answers when the record is durable and the slot is being
    opened; `GET` the check-out with `wait=taken` to learn that the set was taken."""
    handle = await pool.check_out(
        officer=body.officer,
        vehicle=body.vehicle,
        vehicle_class=body.vehicle_class,
        purpose=body.purpose,
        incident=body.incident,
        command_id=command_id,
    )
    response.headers["Location"] = f"/v1/checkouts/{handle.id}"
    return begun(handle)


@router.get("", response_model=answers.CheckOuts, responses=documented())
async def list_checkouts(pool: Pool, query: Annotated[bodies.ListQuery, Query()]) -> object:
    """Check-outs, oldest first."""
    return {"checkouts": [each.as_json() for each in pool.checkouts(open_only=query.open_only)]}


@router.get("/{checkout}", response_model=answers.CheckOut, responses=documented(404))
async def read_checkout(
    pool: Pool, waits: OpenWaits, checkout: Id, query: Annotated[bodies.CheckOutQuery, Query()]
) -> object:
    """One check-out; with `wait`, as soon as its set was taken or returned, or after `timeout` seconds."""
    if query.wait is not None:
        pool.checkout(checkout)  # an unknown one is a 404 at once
        async with waits.at_most(query.timeout):
            await pool.wait_checkout(checkout, until=query.wait, within=query.timeout)
    return pool.checkout(checkout).as_json()


@router.post("/{checkout}/declaration", response_model=answers.CheckOut, responses=documented(400, 404, 409))
async def declare_return(
    pool: Pool, checkout: Id, body: bodies.DeclarationBody, command_id: CommandId = None
) -> object:
    """What the officer says on coming home. The return itself is observed and needs no request."""
    view = await pool.declare_return(
        checkout,
        officer=body.officer,
        odometer_km=body.odometer_km,
        bay=body.bay,
        slot=body.slot,
        items_missing=body.items_missing,
        defects=[note.model_dump() for note in body.defects],
        command_id=command_id,
    )
    return view.as_json()


@router.post("/{checkout}/holder", response_model=answers.CheckOut, responses=documented(400, 404, 409))
async def hand_over(
    pool: Pool, checkout: Id, body: bodies.HandOverBody, command_id: CommandId = None
) -> object:
    """Make another officer accountable for a set that is out."""
    view = await pool.hand_over(checkout, to=body.to, by=body.by, command_id=command_id)
    return view.as_json()
