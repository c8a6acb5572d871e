"""The cars of a simulated world: what is true of each, and how it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from simulator.model import Car, Detail, WorldError

CHARGING_KM = 5.0
CHARGED_V = 12.6


class CarPark:
    """Cars by name. A world is one, and logs what happens to them."""

    def __init__(self) -> None:
        self._cars: dict[str, Car] = {}

    def add_car(self, car_id: str, car: Car) -> None:
        """Add a car."""
        fresh(car_id, self._cars)
        self._cars[car_id] = car
        self._happen("car_added", car_id)

    @property
    def cars(self) -> tuple[str, ...]:
        """Every car, in the order in which they were added."""
        return tuple(self._cars)

    def car(self, car_id: str) -> Car:
        """Return the truth about a car."""
        try:
            return self._cars[car_id]
        except KeyError:
            raise WorldError(f"there is no car {car_id!r}") from None

    def drive(self, car_id: str, km: float, *, km_per_fuel_percent: float = 6.0) -> None:
        """Drive a car so far (km, 0 or more), burning fuel; some kilometres charge its battery."""
        if km < 0:
            raise WorldError(f"cannot drive {km} km")
        car = self.car(car_id)
        self.change_car(
            car_id,
            replace(
                car,
                odometer_km=car.odometer_km + km,
                distance_since_clear_km=car.distance_since_clear_km + km,
                fuel_percent=max(0.0, car.fuel_percent - km / km_per_fuel_percent),
                battery_v=max(car.battery_v, CHARGED_V) if km >= CHARGING_KM else car.battery_v,
            ),
        )

    def change_car(self, car_id: str, car: Car) -> None:
        """Replace the truth about a car, as `dataclasses.replace` gives it; what differs is logged.

        Raises WorldError for an engine that starts while its restart is blocked.
        """
        before = self.car(car_id)
        if car.engine_on and not before.engine_on and before.restart_blocked:
            raise WorldError(f"car {car_id} does not start: it is immobilised")
        self._cars[car_id] = car
        for name in (each.name for each in fields(Car)):
            old, new = getattr(before, name), getattr(car, name)
            if old != new:
                text = ",".join(new) if isinstance(new, tuple) else str(new)
                self._happen("car_changed", car_id, name, text)

    def _happen(self, kind: str, *details: Detail, at: float | None = None) -> None:
        raise NotImplementedError


def fresh(name: str, taken: Mapping[str, object]) -> None:
    """Raise WorldError for a name that is taken."""
    if name in taken:
        raise WorldError(f"there is already a {name!r}")
