"""A program that knows nothing of motorpool but the endpoints that `simulate` printed, which it is given on its input.

It reads a cabinet with mbpoll, talks to a car's adapter with bleak as it comes, and has a key set pulled over HTTP.
What it saw goes to its output as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

BAUD, PARITY = "9600", "none"
WRITE, NOTIFY = "0000fff2-0000-1000-8000-00805f9b34fb", "0000fff1-0000-1000-8000-00805f9b34fb"
RELAYS, INPUTS = "0", "1"
CONFLICT = 409


def mbpoll(device: str, table: str, *arguments: str) -> str:
    """Ask or switch the board at address 1 of a serial line."""
    command = ["mbpoll", "-1", "-m", "rtu", "-b", BAUD, "-P", PARITY, "-a", "1", "-t", table, *arguments]
    at = command.index("--") if "--" in command else len(command)
    command[at : at + 1] = [device]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def inputs(device: str) -> list[int]:
    """The eight inputs of the first board."""
    said = mbpoll(device, INPUTS, "-r", "1", "-c", "8")
    return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d)", said, flags=re.MULTILINE)]


def call(url: str, method: str = "GET") -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def pulled(url: str) -> int:
    """Pull until the bolt has moved, which takes a moment."""
    for _ in range(1_000):
        if (status := call(url, "POST")[0]) != CONFLICT:
            break
    return status


async def identify(address: str) -> str:
    """What the adapter calls itself."""
    from bleak import BleakClient

    said, answered = bytearray(), asyncio.Event()

    def notified(_: object, data: bytearray) -> None:
        said.extend(data)
        if said.endswith(b">"):
            answered.set()

    async with BleakClient(address, timeout=10.0) as client:
        await client.start_notify(NOTIFY, notified)
        await client.write_gatt_char(WRITE, b"ATI\r", response=True)
        await asyncio.wait_for(answered.wait(), 10)
    return said.decode()


def main() -> None:
    urls = {each["name"]: each["url"] for each in json.load(sys.stdin)["endpoints"]}
    device = urls["a"].removeprefix("serial://").partition("?")[0]
    saw: dict[str, Any] = {"inputs": inputs(device)}
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = urls["DBUS_SYSTEM_BUS_ADDRESS"]
    saw["adapter"] = asyncio.run(identify(urls["v-112"].removeprefix("ble://")))
    pull = f"{urls['control']}/v1/sets/ks-112-1/pull"
    saw["pulled_while_locked"] = call(pull, "POST")[0]
    mbpoll(device, RELAYS, "-r", "1", "--", "1")
    saw["pulled"] = pulled(pull)
    saw["inputs_after"] = inputs(device)
    saw["state"] = call(f"{urls['control']}/v1/state")[1]
    print(json.dumps(saw))  # noqa: T201


if __name__ == "__main__":
    main()
