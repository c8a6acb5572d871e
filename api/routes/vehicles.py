"""Vehicles: whether they can be had, why not, and what their terminals last said."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api import answers, bodies
from api.problems import documented

from .common import CommandId, Id, Pool

router = APIRouter(prefix="/v1/vehicles", tags=["vehicles"])


@router.get("", response_model=answers.Vehicles, responses=documented())
async def list_vehicles(pool: Pool) -> object:
    """Every vehicle with its availability and the reasons for it."""
    return {"vehicles": [vehicle.as_json() for vehicle in pool.vehicles()]}


@router.get("/{vehicle}", response_model=answers.Vehicle, responses=documented(404))
async def read_vehicle(pool: Pool, vehicle: Id) -> object:
    """One vehicle, by roster id or fleet number."""
    return pool.vehicle(vehicle).as_json()


@router.get("/{vehicle}/telemetry", response_model=answers.Telemetry, responses=documented(404))
async def read_telemetry(pool: Pool, vehicle: Id) -> object:
    """What the vehicle's terminal last said, each value with its age and source, or why there is none."""
    found = pool.vehicle(vehicle).as_json()
    return {
        "vehicle": found["id"],
        "fleet_number": found["fleet_number"],
        "telemetry": found["telemetry"],
    }


@router.post(
    "/{vehicle}/defects",
    status_code=201,
    response_model=answers.Defect,
    responses=documented(400, 404, 409),
)
async def report_defect(
    pool: Pool, vehicle: Id, body: bodies.DefectBody, command_id: CommandId = None
) -> object:
    """Report a defect; major and critical ones take the vehicle off the road until a repair is accepted."""
    defect = await pool.report_defect(
        vehicle,
        reporter=body.reporter,
        code=body.code,
        severity=body.severity,
        text=body.text,
        command_id=command_id,
    )
    return defect.as_json()


@router.get("/{vehicle}/actions", response_model=answers.Actions, responses=documented(404))
async def list_actions(pool: Pool, vehicle: Id) -> object:
    """The last orders to the vehicle's terminal: one about the doors, one about starting."""
    return {"actions": [each.as_json() for each in pool.actions(vehicle)]}


@router.post(
    "/{vehicle}/actions",
    status_code=201,
    response_model=answers.Action,
    responses=documented(400, 404, 409),
)
async def order_action(
    pool: Pool, response: Response, vehicle: Id, body: bodies.ActionBody, command_id: CommandId = None
) -> object:
    """Tell the vehicle's terminal to lock, unlock, immobilise or mobilise. It is done when the vehicle can be reached,
    and never after it expired; `GET` the action to learn how it ended."""
    action = await pool.order_action(vehicle, body.action, officer=body.officer, command_id=command_id)
    response.headers["Location"] = f"/v1/actions/{action.id}"
    return action.as_json()
