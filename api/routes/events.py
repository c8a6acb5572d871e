"""What happened: by long poll with a cursor, which works through every gateway, or as server-sent events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from api import answers, bodies
from api.problems import documented
from api.stream import next_page, server_sent
from lifecycle.event_kinds import EVENT_KINDS, json_schema

from .common import OpenWaits, Pool

router = APIRouter(prefix="/v1/events", tags=["events"])

_SSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Without end: `id` the sequence number, `event` the kind, `data` the event as JSON",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("", response_model=answers.EventPage, responses=documented(404, 409))
async def read_events(pool: Pool, waits: OpenWaits, query: Annotated[bodies.EventsQuery, Query()]) -> object:
    """The events after a sequence number; with `wait`, the first to come. Go on with `after=next`."""
    vehicle = None if query.vehicle is None else pool.vehicle(query.vehicle).id
    return await next_page(
        pool, waits, after=query.after, limit=query.limit, wait=query.wait, vehicle=vehicle
    )


@router.get("/kinds", response_model=answers.EventKinds, responses=documented())
async def list_kinds() -> object:
    """Every kind of event: what it says, what to do when it is seen, and its JSON Schema."""
    return {
        "kinds": [
            {"kind": each.kind, "says": each.says, "to_do": each.to_do, "alarm": each.alarm,
             "json_schema": json_schema(each.kind)}
            for each in EVENT_KINDS.values()
        ]
    }  # fmt: skip


@router.get("/stream", response_class=StreamingResponse, responses={**documented(404, 409), **_SSE})
async def stream_events(
    pool: Pool,
    waits: OpenWaits,
    query: Annotated[bodies.StreamQuery, Query()],
    last_event_id: Annotated[int | None, Header(ge=0, le=2**53 - 1)] = None,
) -> StreamingResponse:
    """Events as they happen (server-sent events). EventSource reconnects by itself and misses nothing."""
    vehicle = None if query.vehicle is None else pool.vehicle(query.vehicle).id
    after = query.after if last_event_id is None else last_event_id
    pool.check_after(after)  # once the stream has begun it can no longer be refused
    return StreamingResponse(
        server_sent(pool, waits, after=after, vehicle=vehicle),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
