"""pymodbus' own clients, unmodified, at the boards of `motorpool simulate`: over a real socket and the pty."""

from __future__ import annotations

import asyncio

import pytest
from programs import Simulation, simulation
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

pytestmark = pytest.mark.real_time

EIGHT = [False] * 8


def clients(simulated: Simulation) -> tuple[AsyncModbusSerialClient, AsyncModbusTcpClient]:
    """One for line a and one for line b."""
    serial = AsyncModbusSerialClient(simulated.pty, baudrate=9600, timeout=2, retries=0)
    return serial, AsyncModbusTcpClient("127.0.0.1", port=int(simulated.tcp_port), timeout=2, retries=0)


async def test_pymodbus_reads_inputs_relays_and_registers() -> None:
    async with simulation() as simulated:
        for client, hanging in zip(clients(simulated), ([0, 1], [0]), strict=True):  # C-01
            assert await client.connect()
            inputs = await client.read_discrete_inputs(0, count=8, device_id=1)
            assert [channel for channel, on in enumerate(inputs.bits) if on] == hanging
            assert (await client.read_coils(0, count=8, device_id=1)).bits == EIGHT
            assert (await client.read_holding_registers(0x8000, count=1, device_id=1)).registers == [200]
            refused = await client.read_discrete_inputs(8, count=8, device_id=1)
            assert refused.isError()
            assert refused.exception_code == 2
            client.close()


async def test_both_lines_answer_at_once() -> None:
    async with simulation() as simulated:
        serial, tcp = clients(simulated)
        assert await serial.connect()
        assert await tcp.connect()

        async def read(client: AsyncModbusSerialClient | AsyncModbusTcpClient, board: int) -> list[bool]:
            found = [await client.read_discrete_inputs(0, count=8, device_id=board) for _ in range(20)]
            assert all(each.bits == found[0].bits for each in found)
            return list(found[0].bits)

        b_door, a_third = await asyncio.gather(read(tcp, 3), read(serial, 3))
        assert b_door == [True, *EIGHT[1:]]  # shut
        assert a_third == [False, False, True, *EIGHT[3:]]  # B-03
        serial.close()
        tcp.close()
