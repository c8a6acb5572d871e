from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from fastapi import FastAPI
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulator.virtual_time import VirtualTimeLoop

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


def loop() -> VirtualTimeLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    return running


async def serve(handler: Callable[[Reader, Writer], Awaitable[None]]) -> tuple[asyncio.AbstractServer, int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)  # type: ignore[arg-type]
    return server, server.sockets[0].getsockname()[1]


async def echo(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()


class Recorder(asyncio.Protocol):
    """Notes every callback."""

    def __init__(self, keep_open: bool = False) -> None:
        self.calls: list[object] = []
        self.transport: asyncio.Transport | None = None
        self.keep_open = keep_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(("lost", type(exc)))

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


async def pair(
    client: Recorder | None = None, server: Recorder | None = None
) -> tuple[Recorder, Recorder, asyncio.Transport, asyncio.Transport]:
    near, far = client or Recorder(), server or Recorder()
    listener = await loop().create_server(lambda: far, "127.0.0.1", 5000)
    await loop().create_connection(lambda: near, "127.0.0.1", 5000)
    listener.close()
    assert near.transport is not None
    assert far.transport is not None
    return near, far, near.transport, far.transport


async def test_streams_carry_any_amount_and_half_close() -> None:
    server, port = await serve(echo)
    reader, writer = await asyncio.open_connection("localhost", port)
    sent = bytes(range(256)) * 4000
    writer.write(sent)
    writer.write_eof()
    assert await reader.read() == sent
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def test_addresses_are_told_as_by_a_real_socket() -> None:
    _, _, client, server = await pair()
    assert client.get_extra_info("peername") == ("127.0.0.1", 5000)
    assert client.get_extra_info("sockname") == server.get_extra_info("peername")
    raw = client.get_extra_info("socket")
    assert raw.getpeername() == ("127.0.0.1", 5000)
    assert raw.family == socket.AF_INET
    client.close()


async def test_nobody_listening_is_a_refused_connection() -> None:
    server, port = await serve(echo)
    server.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", 1)
    with pytest.raises(socket.gaierror):
        await asyncio.open_connection("gateway.example", 502)


async def test_an_address_is_had_once_and_free_again_after() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 5001)
    with pytest.raises(OSError, match="5001"):
        await asyncio.start_server(echo, "0.0.0.0", 5001)
    server.close()
    again = await asyncio.start_server(echo, "0.0.0.0", 5001)
    _, writer = await asyncio.open_connection("127.0.0.1", 5001)  # the wildcard hears it
    writer.close()
    await writer.wait_closed()
    again.close()
    await again.wait_closed()


async def test_bytes_arrive_in_order_after_the_latency_even_when_it_falls() -> None:
    near, far, client, _ = await pair()
    loop().network.latency = 2.0
    client.write(b"slow ")
    loop().network.latency = 0.5
    client.write(b"quick")
    await asyncio.sleep(1.9)
    assert far.calls == ["made"]
    await asyncio.sleep(0.2)
    assert far.calls == ["made", b"slow quick"]
    client.close()
    await asyncio.sleep(3)
    assert far.calls[2:] == ["eof", ("lost", type(None))]
    assert near.calls[-1] == ("lost", type(None))


async def test_a_slow_reader_pauses_the_writer() -> None:
    near, far, client, server = await pair()
    server.pause_reading()
    client.write(bytes(200_000))
    assert near.calls == ["made", "pause"]
    assert client.get_write_buffer_size() > 0
    await asyncio.sleep(1)
    assert far.calls == ["made"]
    server.resume_reading()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert near.calls == ["made", "pause", "resume"]
    assert far.calls[1] == bytes(200_000)
    client.close()
    await asyncio.sleep(0)


async def test_closing_sends_what_was_written_first() -> None:
    near, far, client, _ = await pair()
    client.write(b"last words")
    client.close()
    client.write(b"too late")
    assert client.is_closing()
    await asyncio.sleep(0.1)
    assert far.calls == ["made", b"last words", "eof", ("lost", type(None))]
    assert near.calls == ["made", ("lost", type(None))]


async def test_half_close_leaves_the_other_direction_open() -> None:
    near, _, client, server = await pair(server=Recorder(keep_open=True))
    client.write_eof()
    await asyncio.sleep(0.1)
    server.write(b"still here")
    await asyncio.sleep(0.1)
    assert near.calls == ["made", b"still here"]
    with pytest.raises(RuntimeError, match="write_eof"):
        client.write(b"x")
    server.close()
    await asyncio.sleep(0.1)
    assert near.calls[2:] == ["eof", ("lost", type(None))]


async def test_writing_to_a_closed_end_resets() -> None:
    near, _, client, server = await pair(client=Recorder(keep_open=True))
    server.close()
    await asyncio.sleep(0.1)
    client.write(b"hello?")
    await asyncio.sleep(0.1)
    assert near.calls == ["made", "eof", ("lost", ConnectionResetError)]


async def test_closing_with_bytes_unread_resets_the_peer() -> None:
    near, _, client, server = await pair()
    server.pause_reading()
    client.write(b"never read")
    await asyncio.sleep(0.1)
    server.close()
    await asyncio.sleep(0.1)
    assert near.calls == ["made", ("lost", ConnectionResetError)]


async def test_abort_does_not_wait_for_a_slow_reader() -> None:
    near, far, client, server = await pair()
    server.pause_reading()
    client.write(bytes(200_000))
    client.abort()
    await asyncio.sleep(0.1)
    assert near.calls[-1] == ("lost", type(None))
    server.resume_reading()
    await asyncio.sleep(0.1)
    assert far.calls[-1] == ("lost", type(None))


async def test_a_protocol_that_fails_loses_its_connection_and_says_so() -> None:
    class Broken(Recorder):
        def data_received(self, data: bytes) -> None:
            raise KeyError(data)

    reported: list[dict[str, object]] = []
    loop().set_exception_handler(lambda _, context: reported.append(context))
    near, far, client, _ = await pair(server=Broken())
    client.write(b"boom")
    await asyncio.sleep(0.1)
    assert isinstance(reported[0]["exception"], KeyError)
    assert far.calls[-1] == ("lost", KeyError)
    assert near.calls[-1] == ("lost", ConnectionResetError)


async def test_buffered_protocols_get_their_bytes() -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer = bytearray(3)
            self.got = b""

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.got += self.buffer[:nbytes]

    protocol = Buffered()
    server = await loop().create_server(lambda: protocol, "127.0.0.1", 5000)
    transport, _ = await loop().create_connection(asyncio.Protocol, "127.0.0.1", 5000)
    transport.write(b"abcdefgh")
    await asyncio.sleep(0.1)
    assert protocol.got == b"abcdefgh"
    transport.close()
    server.close()
    await server.wait_closed()


async def test_a_cancelled_serve_forever_closes_the_server() -> None:
    server, port = await serve(echo)
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not server.is_serving()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_pymodbus_client_and_server_work_unmodified() -> None:
    device = SimDevice(1, [SimData(0, values=[7] * 40, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 5020))
    await server.serve_forever(background=True)
    client = AsyncModbusTcpClient("127.0.0.1", port=5020, timeout=1, retries=0)
    assert await client.connect()
    began = loop().time()
    for _ in range(100):
        assert (await client.read_holding_registers(0, count=8, device_id=1)).registers == [7] * 8
        await asyncio.sleep(10)
    assert loop().time() - began == pytest.approx(1000)
    client.close()
    await server.shutdown()
    await asyncio.sleep(1)


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_uvicorn_serves_fastapi_unmodified(http: str) -> None:
    app = FastAPI()

    @app.get("/hello/{name}")
    async def hello(name: str) -> dict[str, str]:
        await asyncio.sleep(60)  # a long poll
        return {"hello": name}

    config = uvicorn.Config(app, "127.0.0.1", 8000, http=http, ws="none", log_config=None, lifespan="off")
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await asyncio.sleep(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", 8000)
    writer.write(b"GET /hello/station HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'{"hello":"station"}')
    assert loop().time() > 60
    writer.close()
    await writer.wait_closed()
    server.should_exit = True
    await task
