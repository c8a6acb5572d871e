"""A program with bumble's Bluetooth host that knows nothing of motorpool but a transport.

python hci_program.py TRANSPORT ADDRESS
"""

from __future__ import annotations

import asyncio
import sys

from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.hci import Address
from bumble.transport import open_transport


async def main(transport: str, address: str) -> None:
    async with await open_transport(transport) as controller:
        device = Device.with_hci("program", Address("C0:00:00:00:00:AA"), controller.source, controller.sink)
        await device.power_on()
        peer = Peer(await device.connect(Address(address)))
        await peer.discover_services()
        await peer.discover_characteristics()
        (inlet,) = peer.get_characteristics_by_uuid(UUID("FFF1"))
        (outlet,) = peer.get_characteristics_by_uuid(UUID("FFF2"))
        said, answered = bytearray(), asyncio.Event()

        def notified(data: bytes) -> None:
            said.extend(data)
            if said.endswith(b">"):
                answered.set()

        await inlet.subscribe(notified)
        await outlet.write_value(b"ATI\r", with_response=True)
        await answered.wait()
        print(repr(bytes(said)), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
