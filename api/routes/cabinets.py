"""Key cabinets and their slots."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api import answers, bodies
from api.problems import documented
from lifecycle.errors import UnknownThing
from lifecycle.model import CabinetView, SlotView

from .common import CommandId, Id, Pool, SlotNumber, begun

router = APIRouter(prefix="/v1/cabinets", tags=["cabinets"])


@router.get("", response_model=answers.Cabinets, responses=documented())
async def list_cabinets(pool: Pool) -> object:
    """Every cabinet with its slots, as last sensed."""
    return {"cabinets": [cabinet.as_json() for cabinet in pool.cabinets()]}


@router.get("/{cabinet}", response_model=answers.Cabinet, responses=documented(404))
async def read_cabinet(pool: Pool, cabinet: Id) -> object:
    """One cabinet with its slots, as last sensed."""
    return pool.cabinet(cabinet).as_json()


@router.get("/{cabinet}/slots/{slot}", response_model=answers.Slot, responses=documented(404))
async def read_slot(pool: Pool, cabinet: Id, slot: SlotNumber) -> object:
    """One slot: what is sensed there, and what the book has there."""
    return _slot(pool.cabinet(cabinet), slot).as_json()


@router.post(
    "/{cabinet}/slots/{slot}/open",
    status_code=201,
    response_model=answers.CheckOutBegun,
    responses=documented(400, 404, 409),
)
async def open_slot(
    pool: Pool, cabinet: Id, slot: SlotNumber, body: bodies.OpenSlotBody, command_id: CommandId = None
) -> object:
    """Release the key set booked in this slot, with a reason, under the rules of any check-out."""
    handle = await pool.open_slot(
        cabinet, slot, officer=body.officer, reason=body.reason, command_id=command_id
    )
    return begun(handle)


@router.post("/{cabinet}/identify", status_code=204, responses=documented(400, 404, 409))
async def identify(pool: Pool, cabinet: Id, body: bodies.IdentifyBody) -> Response:
    """A known badge at a cabinet: opens its door, where it has one, to bring a set home."""
    await pool.identify(officer=body.officer, cabinet=cabinet)
    return Response(status_code=204)


def _slot(cabinet: CabinetView, number: int) -> SlotView:
    for slot in cabinet.slots:
        if slot.slot == number:
            return slot
    raise UnknownThing("slot", number, f"cabinet {cabinet.name} has no such slot")
