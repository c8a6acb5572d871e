"""Server-sent events over uvicorn, on the network in memory and in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from api_station import Station, station

from api.server import Server
from api.stream import KEEP_ALIVE_S


class QuietServer(Server):
    """Our server without signal handlers, which virtual time does not have."""

    def capture_signals(self) -> Any:
        return nullcontext()


@asynccontextmanager
async def listening(at: Station) -> AsyncIterator[Server]:
    server = QuietServer(at.app)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await running


class Stream:
    """A client that reads an event stream by hand, block by block."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._text = b""

    @classmethod
    async def open(cls, path: str, **headers: str) -> tuple[bytes, Stream]:
        reader, writer = await asyncio.open_connection("127.0.0.1", 8000)
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return await reader.readuntil(b"\r\n\r\n"), cls(reader, writer)

    async def block(self) -> str | None:
        """The next block of lines; None at the end of the stream."""
        while b"\n\n" not in self._text:
            size = int(await self._reader.readline(), 16)
            data = await self._reader.readexactly(size + 2)
            if size == 0:
                return None
            self._text += data[:-2]
        block, _, self._text = self._text.partition(b"\n\n")
        return block.decode()

    async def event(self) -> dict[str, Any]:
        block = await self.block()
        assert block is not None
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        data: dict[str, Any] = json.loads(fields["data"])
        assert fields["id"] == str(data["seq"])
        assert fields["event"] == data["kind"]
        return data

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def test_events_as_they_happen(tmp_path: Path) -> None:
    async with station(tmp_path) as at, listening(at):
        head = (await at.get("/v1/health"))["ledger_seq"]
        top, stream = await Stream.open("/v1/events/stream", **{"Last-Event-ID": str(head - 1)})
        assert top.startswith(b"HTTP/1.1 200")
        assert b"text/event-stream" in top
        assert b"no-store" in top
        assert await stream.block() == "retry: 2000"
        assert (await stream.event())["seq"] == head
        trip = await at.check_out()
        assert (await stream.event())["seq"] == trip["seq"]
        await at.pull(trip)
        while (await stream.event())["kind"] != "KeySetTaken":
            pass
        await stream.close()


async def test_a_quiet_stream_is_kept_alive(tmp_path: Path) -> None:
    async with station(tmp_path) as at, listening(at):
        loop = asyncio.get_running_loop()
        head = (await at.get("/v1/health"))["ledger_seq"]
        _, stream = await Stream.open(f"/v1/events/stream?after={head}")
        assert await stream.block() == "retry: 2000"
        started = loop.time()
        for _ in range(3):
            assert await stream.block() == ": keep-alive"
        assert loop.time() - started == pytest.approx(3 * KEEP_ALIVE_S, abs=0.1)
        await stream.close()


async def test_only_one_vehicle(tmp_path: Path) -> None:
    async with station(tmp_path) as at, listening(at):
        _, stream = await Stream.open("/v1/events/stream?vehicle=P-118&after=0")
        assert await stream.block() == "retry: 2000"
        await at.post(
            "/v1/vehicles/P-112/defects", {"reporter": "013542", "code": "tyre", "severity": "minor"}
        )
        await at.post(
            "/v1/vehicles/P-118/defects", {"reporter": "013542", "code": "horn", "severity": "minor"}
        )
        while (event := await stream.event())["kind"] != "DefectReported":
            assert event["ids"]["vehicle"] == "v-118"
        assert event["ids"]["vehicle"] == "v-118"
        await stream.close()


async def test_a_stopping_server_ends_its_streams_at_once(tmp_path: Path) -> None:
    async with station(tmp_path) as at, listening(at) as server:
        loop = asyncio.get_running_loop()
        head = (await at.get("/v1/health"))["ledger_seq"]
        _, stream = await Stream.open(f"/v1/events/stream?after={head}")
        assert await stream.block() == "retry: 2000"
        before = loop.time()
        server.should_exit = True
        assert await stream.block() is None
        assert loop.time() - before < 1
        await stream.close()


async def test_a_client_that_goes_away_leaves_nothing_behind(tmp_path: Path) -> None:
    async with station(tmp_path) as at, listening(at) as server:
        _, stream = await Stream.open("/v1/events/stream")
        await stream.block()
        await stream.close()
        async with asyncio.timeout(1):
            while server.server_state.tasks:
                await asyncio.sleep(0.01)
