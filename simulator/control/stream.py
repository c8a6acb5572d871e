"""Following the log: long polls, and server-sent events that end when the server stops."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from simulator.control.journal import Journal
from simulator.control.state import Picture

KEEP_ALIVE_S = 15.0
RETRY_MS = 1000
PAGE = 200


async def next_page(
    journal: Journal, picture: Picture, *, after: int, limit: int = PAGE, wait_s: float = 0.0
) -> dict[str, Any]:
    """The entries after `after`: at once if there are any, else the first within `wait_s` seconds."""
    after = min(after, journal.head)  # a client may remember a simulator that was started anew
    if journal.head == after and wait_s > 0:
        await journal.wait(after, wait_s)
    entries = journal.after(after, limit)
    return {
        "entries": [picture.entry(each) for each in entries],
        "next": entries[-1].seq if entries else journal.head,
        "missed": journal.missed(after),
    }


async def server_sent(journal: Journal, picture: Picture, *, after: int) -> AsyncIterator[bytes]:
    """`text/event-stream` from `after` on: `id` is the entry's number, `data` the entry."""
    yield b"retry: %d\n\n" % RETRY_MS
    while not journal.closed:
        page = await next_page(journal, picture, after=after, wait_s=KEEP_ALIVE_S)
        after = page["next"]
        if page["entries"]:
            yield b"".join(map(_frame, page["entries"]))
        elif not journal.closed:
            yield b": keep-alive\n\n"


def _frame(entry: dict[str, Any]) -> bytes:
    data = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    return f"id: {entry['seq']}\ndata: {data}\n\n".encode()
