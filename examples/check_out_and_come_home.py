"""An officer takes a car and brings its keys home to another slot, on simulated hardware, in virtual time."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from lifecycle import MotorPool, load_site
from simulator import virtual_time
from simulator.station import SimulatedStation

HERE = Path(__file__).parent


async def main(folder: Path) -> None:
    for name in ("site.toml", "roster.toml"):
        shutil.copy(HERE / name, folder)
    site = load_site(folder / "site.toml")
    simulated = SimulatedStation(site, seed=1)
    async with simulated.running("memory"), await MotorPool.open(site, **simulated.options()) as pool:
        trip = await pool.check_out(officer="013542", vehicle_class="patrol", purpose="patrol")
        print(f"{trip.vehicle.fleet_number}: key set {trip.key_set} in slot {trip.slot}")

        await asyncio.sleep(1)  # the lock has opened; a hand takes the set
        simulated.world.pull(trip.key_set)
        taken = await trip.taken(within=30)
        print(f"taken, {taken.proof}; in use since {taken.taken_at}")

        simulated.world.drive(trip.vehicle.id, 42.0)
        simulated.world.put(trip.key_set, "B", 9)
        home = await pool.wait_checkout(trip.id, until="returned", within=30)
        print(f"home in {home.returned_to}")

        async for event in pool.events(after=trip.seq - 1, vehicle=trip.vehicle.id):
            print(f"  {event.seq} {event.kind} {event.proof or ''} {', '.join(event.because)}")
            if event.kind == "TelemetryRead":
                break
        print(f"odometer {pool.vehicle(trip.vehicle.id).telemetry['odometer_km']['value']:.1f} km")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        virtual_time.run(main(Path(folder)))
