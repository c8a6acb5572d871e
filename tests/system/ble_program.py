"""A BLE program that knows nothing of motorpool: bleak as it comes, told by its environment where the bus is.

    python ble_program.py ADDRESS

Each line on its standard input is one thing to do; the answer is one line. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from bleak import BleakClient, BleakScanner

WRITE, NOTIFY = "0000fff2-0000-1000-8000-00805f9b34fb", "0000fff1-0000-1000-8000-00805f9b34fb"
FIND_S = 2.0


class Program:
    """One terminal, as a hobbyist would talk to it."""

    def __init__(self, address: str) -> None:
        self._client = BleakClient(address, self._gone, timeout=FIND_S)
        self._ended = asyncio.Event()

    def _gone(self, _: BleakClient) -> None:
        self._ended.set()

    async def scan(self) -> str:
        found = await BleakScanner.find_device_by_address(self._client.address, timeout=FIND_S)
        return "nothing" if found is None else f"{found.name}"

    async def connect(self) -> str:
        self._ended.clear()
        await self._client.connect()
        return "connected"

    async def identify(self) -> str:
        said, answered = bytearray(), asyncio.Event()

        def notified(_: Any, data: bytearray) -> None:
            said.extend(data)
            if said.endswith(b">"):
                answered.set()

        await self._client.start_notify(NOTIFY, notified)
        await self._client.write_gatt_char(WRITE, b"ATI\r", response=True)
        await answered.wait()
        await self._client.stop_notify(NOTIFY)
        return repr(bytes(said))

    async def disconnect(self) -> str:
        await self._client.disconnect()
        return "disconnected"

    async def ended(self) -> str:
        await self._ended.wait()
        return f"ended, connected: {self._client.is_connected}"


async def main(address: str) -> None:
    program = Program(address)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async for line in lines:
        try:
            said = await getattr(program, line.decode().strip())()
        except Exception as error:  # noqa: BLE001 - whatever bleak raises is what the test wants to read
            said = f"{type(error).__name__}: {error}"
        print(said, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
