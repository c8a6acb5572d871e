"""The control API: verbs that a station understands, never registers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import StreamingResponse

from simulator.control import answers, bodies, problems, stream
from simulator.control.hand import Hand
from simulator.control.journal import Journal
from simulator.control.problems import documented
from simulator.control.state import Picture


@dataclass(frozen=True, slots=True)
class Control:
    """One simulated station, the log of what happens there, and how both are shown."""

    hand: Hand
    journal: Journal
    picture: Picture

    @contextmanager
    def telling(self) -> Iterator[dict[str, Any]]:
        """Fill the answer with what happens in the block."""
        before = self.journal.head
        answer: dict[str, Any] = {}
        yield answer
        page = self.journal.after(before, stream.PAGE)
        answer |= {"happened": [self.picture.entry(each) for each in page], "next": self.journal.head}


async def _control(request: Request) -> Control:
    control: Control = request.app.state.control
    return control


Controlled = Annotated[Control, Depends(_control)]
Name = Annotated[str, Path(min_length=1, max_length=64)]
SlotNumber = Annotated[int, Path(ge=1, le=9999)]
Seq = Annotated[int, Query(ge=0, description="The last entry that is known already")]
LastSeen = Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^\d{1,18}$")]

looking = APIRouter(prefix="/v1", tags=["look"])
sets = APIRouter(prefix="/v1/sets/{set_id:path}", tags=["key sets"])
cabinets = APIRouter(prefix="/v1/cabinets/{cabinet}", tags=["cabinets"])
supply = APIRouter(prefix="/v1", tags=["lines and supply"])
cars = APIRouter(prefix="/v1/cars/{car:path}", tags=["cars"])
faults = APIRouter(prefix="/v1/faults", tags=["faults"])
time = APIRouter(prefix="/v1/time", tags=["time"])


# -- looking


@looking.get("/state", response_model=answers.State, responses=documented())
async def read_state(control: Controlled) -> object:
    """Everything that is true now: cabinets, sets, cars, lines, faults, time."""
    return control.picture.state()


@looking.get("/log", response_model=answers.Log, responses=documented())
async def read_log(
    control: Controlled,
    after: Seq = 0,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the next entry")] = 0.0,
    limit: Annotated[int, Query(ge=1, le=1000)] = stream.PAGE,
) -> object:
    """What happened, oldest first. Ask again with `after` = `next`."""
    return await stream.next_page(control.journal, control.picture, after=after, limit=limit, wait_s=wait)


@looking.get("/log/stream", responses=documented(), response_class=StreamingResponse)
async def follow_log(control: Controlled, after: Seq | None = None, last_seen: LastSeen = None) -> object:
    """What happens, as server-sent events, from now on or after `after` or Last-Event-ID."""
    start = int(last_seen) if last_seen is not None else after
    sent = stream.server_sent(
        control.journal, control.picture, after=control.journal.head if start is None else start
    )
    return StreamingResponse(
        sent, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


# -- key sets


@sets.post("/pull", response_model=answers.Done, responses=documented(404, 409))
async def pull_set(control: Controlled, set_id: Name) -> object:
    """Take a set out of its slot by hand; the bolt and the door must let it go."""
    with control.telling() as done:
        control.hand.pull(set_id)
    return done


@sets.post("/put", response_model=answers.Done, responses=documented(400, 404, 409))
async def put_set(control: Controlled, set_id: Name, body: bodies.PutBody) -> object:
    """Hang a set into a slot."""
    with control.telling() as done:
        control.hand.put(set_id, body.cabinet, body.slot, by_override=body.by_override)
    return done


@sets.post("/override", response_model=answers.Done, responses=documented(404, 409))
async def take_with_the_mechanical_key(control: Controlled, set_id: Name) -> object:
    """Take a set out with the mechanical override key, whatever bolts and doors do."""
    with control.telling() as done:
        control.hand.override(set_id)
    return done


# -- cabinets


@cabinets.post("/door/open", response_model=answers.Done, responses=documented(404, 409))
async def open_door(control: Controlled, cabinet: Name) -> object:
    """Open a door that is not locked."""
    with control.telling() as done:
        control.hand.open_door(cabinet)
    return done


@cabinets.post("/door/shut", response_model=answers.Done, responses=documented(404, 409))
async def shut_door(control: Controlled, cabinet: Name) -> object:
    """Shut an open door; its bolt falls."""
    with control.telling() as done:
        control.hand.shut_door(cabinet)
    return done


@cabinets.post("/door/force", response_model=answers.Done, responses=documented(404, 409))
async def force_door(control: Controlled, cabinet: Name) -> object:
    """Open a door with a tool, locked or not."""
    with control.telling() as done:
        control.hand.force_door(cabinet)
    return done


@cabinets.post("/slots/{slot}/jam", response_model=answers.Done, responses=documented(404, 409))
async def jam_slot(control: Controlled, cabinet: Name, slot: SlotNumber) -> object:
    """Let a slot's bolt jam: the solenoid does not move it."""
    with control.telling() as done:
        control.hand.jam(cabinet, slot, True)
    return done


@cabinets.post("/slots/{slot}/free", response_model=answers.Done, responses=documented(404, 409))
async def free_slot(control: Controlled, cabinet: Name, slot: SlotNumber) -> object:
    """Free a jammed bolt."""
    with control.telling() as done:
        control.hand.jam(cabinet, slot, False)
    return done


@cabinets.post("/boards/{board}/off", response_model=answers.Done, responses=documented(404, 409))
async def switch_board_off(control: Controlled, cabinet: Name, board: Name) -> object:
    """Cut the supply of one lock board."""
    with control.telling() as done:
        control.hand.power_board(cabinet, board, False)
    return done


@cabinets.post("/boards/{board}/on", response_model=answers.Done, responses=documented(404, 409))
async def switch_board_on(control: Controlled, cabinet: Name, board: Name) -> object:
    """Give one lock board its supply back."""
    with control.telling() as done:
        control.hand.power_board(cabinet, board, True)
    return done


# -- lines and supply


@supply.post("/lines/{line}/cut", response_model=answers.Done, responses=documented(404, 409))
async def cut_line(control: Controlled, line: Name) -> object:
    """Cut a line. Over TCP connections end and none is taken; on a serial line nothing is heard."""
    with control.telling() as done:
        control.hand.cut_line(line, True)
    return done


@supply.post("/lines/{line}/restore", response_model=answers.Done, responses=documented(404, 409))
async def restore_line(control: Controlled, line: Name) -> object:
    """Mend a line that was cut."""
    with control.telling() as done:
        control.hand.cut_line(line, False)
    return done


@supply.post("/mains/cut", response_model=answers.Done, responses=documented(400, 404, 409))
async def cut_mains(control: Controlled, body: bodies.MainsBody | None = None) -> object:
    """Cut the mains of a cabinet, or of all; each goes on from its battery until that is empty."""
    with control.telling() as done:
        control.hand.cut_mains(body.cabinet if body else None, True)
    return done


@supply.post("/mains/restore", response_model=answers.Done, responses=documented(400, 404, 409))
async def restore_mains(control: Controlled, body: bodies.MainsBody | None = None) -> object:
    """Give a cabinet, or all, their mains back."""
    with control.telling() as done:
        control.hand.cut_mains(body.cabinet if body else None, False)
    return done


# -- cars


@cars.post("/drive", response_model=answers.Done, responses=documented(400, 404, 409))
async def drive_car(control: Controlled, car: Name, body: bodies.DriveBody) -> object:
    """Drive a car: its odometer moves, its fuel burns, its battery charges. It takes no time."""
    with control.telling() as done:
        control.hand.drive(car, body.km)
    return done


@cars.post("/dtcs", response_model=answers.Done, responses=documented(400, 404, 409))
async def set_dtc(control: Controlled, car: Name, body: bodies.DtcBody) -> object:
    """Let a trouble code appear in a car."""
    with control.telling() as done:
        control.hand.set_dtc(car, body.code, pending=body.pending)
    return done


@cars.delete("/dtcs", response_model=answers.Done, responses=documented(404, 409))
async def clear_dtcs(control: Controlled, car: Name) -> object:
    """Clear a car's trouble codes, as a workshop does."""
    with control.telling() as done:
        control.hand.clear_dtcs(car)
    return done


@cars.patch("", response_model=answers.Done, responses=documented(400, 404, 409))
async def change_car(control: Controlled, car: Name, body: bodies.CarBody) -> object:
    """Engine on or off, in or out of the radio's range, lights, doors, fuel, battery."""
    with control.telling() as done:
        control.hand.change_car(car, body.changes())
    return done


# -- faults


@faults.get("", response_model=answers.Faults, responses=documented())
async def list_faults(control: Controlled) -> object:
    """Kinds of fault, what at this station can have each, and those that are there now."""
    kinds = [control.picture.fault_kind(*each) for each in control.hand.kinds()]
    active = [control.picture.fault(each) for each in control.hand.faults.active()]
    return {"kinds": kinds, "active": active}


@faults.post("", status_code=201, response_model=answers.FaultInjected, responses=documented(400, 404, 409))
async def inject_fault(control: Controlled, body: bodies.FaultBody) -> object:
    """Let a fault begin, for some seconds or until it is cleared."""
    with control.telling() as done:
        injection = control.hand.inject(body.kind, body.target, body.for_s)
    return {**done, "fault": control.picture.fault(injection)}


@faults.delete("/{number}", response_model=answers.Done, responses=documented(404))
async def clear_fault(control: Controlled, number: Annotated[int, Path(ge=1)]) -> object:
    """End a fault."""
    with control.telling() as done:
        control.hand.clear(number)
    return done


# -- time


@time.post("/advance", response_model=answers.TimePassed, responses=documented(400, 409))
async def let_time_pass(control: Controlled, body: bodies.AdvanceBody) -> object:
    """Let time pass at once: bolts fall back, batteries drain, faults end, each at its own time.

    Programs at the other end of a line or a radio live on in real time. 409 where the clock is the real one.
    """
    with control.telling() as done:
        await control.hand.let_time_pass(body.seconds)
    return {**done, "clock": control.picture.clock()}


about = APIRouter(include_in_schema=False)


@about.get("/problems")
async def explain_problems() -> object:
    """Kinds of problem, by code."""
    return {
        code: {"status": kind.status, "title": kind.title, "text": {"en": kind.en, "zh-CN": kind.zh}}
        for code, kind in problems.KINDS.items()
    }


ROUTERS = (looking, sets, cabinets, supply, cars, faults, time, about)
