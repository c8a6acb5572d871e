"""A car park on a D-Bus of its own, where bleak's own BlueZ backend finds it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simulator.terminals import TerminalPark
from simulator.terminals.bluez import VARIABLE
from simulator.terminals.bluez.service import BluezService
from simulator.terminals.elm327_device import Timing

QUICK = Timing(command_s=0.001, reset_s=0.02, request_s=0.002, search_s=0.02, pending_s=0.02, line_s=0.001)
"""An adapter that takes little real time."""
PATIENCE_S = 10.0


@asynccontextmanager
async def on_dbus(park: TerminalPark, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BluezService]:
    """The park on the air and on D-Bus, and the system's Bluetooth pointed to it."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip(
            "dbus-daemon is not installed (Debian package dbus; tests/system/install-peers.sh as root)"
        )
    async with park, BluezService(park.air) as service:
        monkeypatch.setenv(VARIABLE, service.address)
        yield service
    await settled()


async def settled() -> None:
    """bleak's manager, one for each event loop, has noticed that its bus is gone."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    if others:
        await asyncio.wait(others, timeout=PATIENCE_S)
