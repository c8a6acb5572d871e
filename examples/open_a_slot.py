"""Open one slot of a cabinet and see whether its key set is taken. Needs no ledger, no roster, no station.

Usage: open_a_slot.py LINE_URL SLOT, such as: open_a_slot.py 'serial:///dev/ttyUSB0?baudrate=9600' 7
"""

import asyncio
import sys

from keycabinet import BoardConfig, Cabinet, CabinetConfig, Line, LineUrl, Presence, PresenceChanged

CABINET = CabinetConfig(
    boards=(
        BoardConfig(line="a", address=1, profile="waveshare-relay-d-8", slots="1-8"),
        BoardConfig(line="a", address=2, profile="waveshare-relay-d-8", slots="9-16"),
    )
)


async def main(url: str, slot: int) -> None:
    async with (
        await Line.open("a", LineUrl.parse(url)) as line,
        Cabinet("A", CABINET, {"a": line}) as cabinet,
    ):
        print("before:", cabinet.snapshot().slot(slot).presence)
        events = cabinet.events()
        release = await cabinet.open_slot(slot, command_id="example-1")
        print("release:", release.outcome, release.reason or "")
        async with asyncio.timeout(30):
            async for event in events:
                if isinstance(event, PresenceChanged) and event.slot == slot:
                    print(
                        "taken" if event.presence is Presence.ABSENT else event.presence, f"({event.proof})"
                    )
                    return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
