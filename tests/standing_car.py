"""Cars that stand in the yard: what an adapter's control units answer, for tests with no world around them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StandingCar:
    """A `simulator.terminals.CarTruth` that stays as it is until a test changes it."""

    vin: str = "1D4GP00R55B123456"
    odometer_km: float | None = 12345.6
    fuel_percent: float | None = 50.0
    battery_v: float = 12.6
    engine_on: bool = False
    stored_dtcs: tuple[str, ...] = ()
    pending_dtcs: tuple[str, ...] = ()
    distance_since_clear_km: float = 4000.0
    in_range: bool = True

    def forget(self) -> None:
        """What a cleared code does to a car."""
        self.stored_dtcs = self.pending_dtcs = ()
        self.distance_since_clear_km = 0


@dataclass
class WornCar(StandingCar):
    """One with codes of every kind, cleared not long ago."""

    fuel_percent: float | None = 40.0
    battery_v: float = 12.5
    stored_dtcs: tuple[str, ...] = ("P0133", "U1016", "C0123")
    pending_dtcs: tuple[str, ...] = ("P0420",)
    distance_since_clear_km: float = 412.0
