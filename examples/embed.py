"""A program of your own with a motor pool inside: every call-out gets a car, every return is printed.

Usage: embed.py SITE.toml BADGE CLASS [CLASS ...]
"""

import asyncio
import sys
from typing import Any

from lifecycle import CheckOutHandle, MotorPool, NotTaken, Refused, ReleaseFailed


async def watch(pool: MotorPool) -> None:
    async for event in pool.events(after=pool.health().ledger_seq):
        if event.kind in ("KeySetTaken", "KeySetReturned"):
            print(
                f"{event.at:%H:%M:%S} {event.kind} {event.ids['key_set']} {event.ids['slot']} ({event.proof})"
            )


async def call_out(pool: MotorPool, badge: str, vehicle_class: str, incident: str) -> CheckOutHandle | None:
    try:
        trip = await pool.check_out(
            officer=badge, vehicle_class=vehicle_class, purpose="call_out", incident=incident,
            command_id=f"cad-{incident}",  # the same id twice acts once and answers the same
        )  # fmt: skip
    except Refused as no:
        print(f"refused: {no.text('en')}", [each.fleet_number for each in no.alternatives])
        return None
    print(f"{trip.vehicle.fleet_number}: take {trip.key_set} from {trip.slot} before {trip.take_by:%H:%M:%S}")
    try:
        await trip.taken(within=60)
    except (NotTaken, ReleaseFailed) as failed:
        print(failed)
    return trip


async def main(site: str, badge: str, *classes: str, **options: Any) -> None:
    async with await MotorPool.open(site, **options) as pool:
        watching = asyncio.create_task(watch(pool))
        for number, vehicle_class in enumerate(classes):
            await call_out(pool, badge, vehicle_class, f"20261121-{number:04}")
        watching.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
