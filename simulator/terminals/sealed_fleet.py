"""The sealed terminals in the cars of a world, enrolled and ready, and what each of them was given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from random import Random

from simulator.model import Change
from simulator.terminals.sealed import SealedDevice
from simulator.terminals.sealed_car import SealedCar
from simulator.terminals.sealed_checks import Parts
from simulator.terminals.sealed_keys import label_secret, terminal_key
from simulator.world import World
from vehicle.sealed.codes import Code
from vehicle.sealed.commands import Starting
from vehicle.sealed.keys import AuthorityKey
from vehicle.sealed.revocation import Revocations, read_revocations
from vehicle.sealed.signed import Kind, Signed, verify

Heard = Callable[[Code, int], None]
_MOVED = ("engine_on", "speed_kmh")


class SealedFleet:
    """Made when the world begins to run. `clock` is the true time (Unix s); terminals' own may be wrong.

    `given` has, by car, the newest list whose signature its terminal verified, whatever it made of it. `rtc_error_s`
    is what each real-time clock is off by.
    """

    def __init__(
        self,
        world: World,
        cars: Mapping[str, SealedCar],
        authority: AuthorityKey,
        *,
        clock: Callable[[], int],
        immobilisable: Collection[str],
    ) -> None:
        self.devices: dict[str, SealedDevice] = {}
        self.given: dict[str, Revocations] = {}
        self.rtc_error_s: dict[str, int] = dict.fromkeys(cars, 0)
        self._clock = clock
        for car, truth in cars.items():
            device = SealedDevice(
                truth,
                terminal_key(car),
                secret=label_secret(car),
                rtc=partial(self._rtc, car),
                random_bytes=Random(f"{world.seed}/terminal {car}").randbytes,
                parts=Parts(verify=partial(self._verify, car)),
            )
            device.enrol(authority, car, clock(), immobilisable=car in immobilisable)
            if truth.restart_blocked:
                device.memory.ordered = Starting.BLOCKED
            self.devices[car] = device
        world.subscribe(self._changed)

    def _rtc(self, car: str) -> int:
        return self._clock() + self.rtc_error_s[car]

    def set_back(self, car: str, seconds: float) -> None:
        """Set a real-time clock back. The terminal reads it every second, so both before and after."""
        clock = self.devices[car].clock
        clock.now()
        self.rtc_error_s[car] -= round(seconds)
        clock.now()

    def _verify(self, car: str, signed: Signed, authority: AuthorityKey) -> None:
        verify(signed, authority)
        if signed.kind == Kind.REVOCATIONS:
            listed, known = read_revocations(signed), self.given.get(car)
            if known is None or listed.number > known.number:
                self.given[car] = listed

    def _changed(self, change: Change) -> None:
        if change.kind == "car_changed" and change.details[1] in _MOVED:
            device = self.devices.get(str(change.details[0]))
            if device is not None:
                device.settle()
