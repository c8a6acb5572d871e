"""Time that passes at once on a real loop, and the server on a loopback socket."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_station import site

from simulator.control import CannotAdvance, ClockKind, Exposed, FastForwardLoop
from simulator.control.clock import clock_kind, pass_time
from simulator.station import ControlMissing, SimulatedStation


def fast_forward(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=FastForwardLoop) as runner:
        runner.run(main)


def test_every_timer_comes_due_in_order_and_at_its_own_time() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert clock_kind() is ClockKind.FAST_FORWARD
        began, rang = loop.time(), []

        def ring(name: str) -> None:
            rang.append((name, round(loop.time() - began)))

        async def every_ten_minutes() -> None:
            while True:
                await asyncio.sleep(600)
                ring("task")

        loop.call_later(900, ring, "later")
        loop.call_later(60, loop.call_later, 30, ring, "after another")
        loop.call_later(7200, ring, "never")
        cancelled = loop.call_later(10, ring, "cancelled")
        cancelled.cancel()
        task = asyncio.create_task(every_ten_minutes())
        await pass_time(1900)
        assert rang == [("after another", 90), ("task", 600), ("later", 900), ("task", 1200), ("task", 1800)]
        assert round(loop.time() - began) == 1900
        task.cancel()

    started = time.perf_counter()
    fast_forward(main())
    assert time.perf_counter() - started < 5


@pytest.mark.real_time
async def test_a_plain_loop_refuses() -> None:
    assert clock_kind() is ClockKind.REAL
    with pytest.raises(CannotAdvance, match="real clock"):
        await pass_time(1)


def test_over_a_socket_an_hour_passes_connections_live_on_and_waiting_clients_are_let_go(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        station = SimulatedStation(site(tmp_path), radio="memory")
        async with station.running("real"), httpx.AsyncClient(timeout=None) as http:
            async with station.control() as url:
                http.base_url = httpx.URL(url)
                reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
                writer.write(b"GET /v1/log/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                assert b"text/event-stream" in await reader.readuntil(b"\r\n\r\n")
                await reader.readuntil(b"retry: 1000\n\n")
                passed = await http.post("/v1/time/advance", json={"seconds": 3600})
                assert passed.json()["clock"]["at"] >= 3600
                await http.post("/v1/sets/ks-118/override")
                await reader.readuntil(b"overridden")
                waiting = asyncio.create_task(http.get("/v1/log?after=1&wait=60"))
                await http.get("/v1/state")
            assert (await waiting).json()["entries"] == []
            assert (await reader.read()).endswith(b"0\r\n\r\n")
            writer.close()
            await writer.wait_closed()

    started = time.perf_counter()
    fast_forward(main())
    assert time.perf_counter() - started < 20


@pytest.mark.real_time
async def test_another_address_than_loopback_needs_a_token(tmp_path: Path) -> None:
    station = SimulatedStation(site(tmp_path), radio="memory")
    async with station.running("memory"):
        with pytest.raises(Exposed, match="without a token"):
            async with station.control(host="0.0.0.0"):
                pass
        async with station.control(host="0.0.0.0", token="0123456789abcdef") as url:
            port = url.rpartition(":")[2]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                assert (await http.get("/v1/state")).status_code == 401


@pytest.mark.real_time
async def test_a_port_that_is_taken_is_an_error_and_faults_end_with_the_control(tmp_path: Path) -> None:
    station = SimulatedStation(site(tmp_path), radio="memory")
    async with station.running("memory"):
        async with station.control() as url, httpx.AsyncClient(base_url=url) as http:
            port = int(url.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                async with station.control(port=port):
                    pass
            await http.post("/v1/cabinets/A/boards/a1/off")
            assert not station.hardware.board("A", "a1").powered
        assert station.hardware.board("A", "a1").powered


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("simulator.control")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(ControlMissing, match=r"needs fastapi.*pip install 'motorpool\[api\]'"):
        SimulatedStation.event_loop()
