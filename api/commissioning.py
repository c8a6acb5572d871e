"""Driving one bare board by hand, with a record of its own: there is no release without one."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keycabinet.cabinet import Cabinet

from keycabinet.config import BoardConfig, CabinetConfig
from keycabinet.errors import KeyCabinetError
from keycabinet.line import Line
from keycabinet.model import Release, Snapshot
from keycabinet.profile import profiles
from keycabinet.transport import LineUrl

HOLDER = "motorpool cabinet (commissioning)"
BENCH = "bench"


class CommissioningLog:
    """Appends one JSON line a fact and returns when it is on the disk. Raises `OSError` when it cannot."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._clock = clock

    def write(self, **facts: str | int | None) -> None:
        """Record the facts, with the time and who is logged in."""
        line = json.dumps({"at": self._clock().isoformat(), "who": _who(), **facts}, ensure_ascii=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"uid {os.getuid()}"


def bench_config(profile: str, address: int) -> CabinetConfig:
    """A cabinet of one board, with every channel of it as a slot."""
    slots = f"1-{profiles()[profile].outputs.count}"
    board = BoardConfig(name=BENCH, line=BENCH, address=address, profile=profile, slots=slots)
    return CabinetConfig(boards=(board,))


async def read_board(url: LineUrl, config: CabinetConfig) -> Snapshot:
    """What the board senses now. Raises `KeyCabinetError`; `LineHeld` names who has the line."""
    async with (
        await Line.open(BENCH, url, holder=HOLDER) as line,
        Cabinet(BENCH, config, {BENCH: line}) as cabinet,
    ):
        return await cabinet.refresh()


async def release_slot(
    url: LineUrl, config: CabinetConfig, slot: int, *, record: CommissioningLog, command_id: str
) -> Release:
    """Open one slot. The intent is on the disk before the first byte goes out, and the outcome after it.

    Raises `KeyCabinetError` before anything was opened, and `OSError` when the log cannot be written.
    """
    facts = {"line": str(url), "address": config.boards[0].address, "slot": slot, "command_id": command_id}
    async with (
        await Line.open(BENCH, url, holder=HOLDER) as line,
        Cabinet(BENCH, config, {BENCH: line}) as cabinet,
    ):
        record.write(what="opening", outcome="intended", **facts)
        try:
            done = await cabinet.open_slot(slot, command_id)
        except KeyCabinetError as error:
            record.write(what="opening", outcome="failed", reason=str(error), **facts)
            raise
        record.write(what="opening", outcome=str(done.outcome), reason=done.reason, **facts)
        return done
