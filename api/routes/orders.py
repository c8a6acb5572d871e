"""Work orders: opened, taken to a workshop, accepted by somebody else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import answers, bodies
from api.problems import documented

from .common import CommandId, Id, Pool, begun

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("", response_model=answers.Orders, responses=documented())
async def list_orders(pool: Pool, query: Annotated[bodies.ListQuery, Query()]) -> object:
    """Work orders, oldest first."""
    return {"orders": [order.as_json() for order in pool.orders(open_only=query.open_only)]}


@router.get("/{order}", response_model=answers.Order, responses=documented(404))
async def read_order(pool: Pool, order: Id) -> object:
    """One work order."""
    return pool.order(order).as_json()


@router.post("", status_code=201, response_model=answers.Order, responses=documented(400, 404, 409))
async def open_order(pool: Pool, body: bodies.OrderBody, command_id: CommandId = None) -> object:
    """Open a work order for a vehicle's defects."""
    order = await pool.open_order(
        body.vehicle, by=body.by, workshop=body.workshop, defects=body.defects, command_id=command_id
    )
    return order.as_json()


@router.post(
    "/{order}/hand-to-workshop",
    status_code=201,
    response_model=answers.CheckOutBegun,
    responses=documented(400, 404, 409),
)
async def hand_to_workshop(
    pool: Pool, response: Response, order: Id, body: bodies.ByBody, command_id: CommandId = None
) -> object:
    """Release a key set of the vehicle to whoever takes it to the workshop, under custody like any other."""
    handle = await pool.hand_to_workshop(order, by=body.by, command_id=command_id)
    response.headers["Location"] = f"/v1/checkouts/{handle.id}"
    return begun(handle)


@router.post("/{order}/accept", response_model=answers.Order, responses=documented(400, 404, 409))
async def accept_repair(pool: Pool, order: Id, body: bodies.ByBody, command_id: CommandId = None) -> object:
    """Accept the repair: by somebody else than who took the vehicle to the workshop."""
    return (await pool.accept_repair(order, by=body.by, command_id=command_id)).as_json()
