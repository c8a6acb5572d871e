"""What people see of the station's program: a badge reader, a screen, and sometimes nothing at all.

Everything that people ask of the motor pool goes through here, so that who hears an answer knows what was promised.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lifecycle import MotorPool, MotorPoolError, Refused
from lifecycle.model import CabinetView, CheckOutView, DefectView, OrderView, VehicleView
from lifecycle.motorpool import CheckOutHandle
from simulator.process import StationDark, StationProcess

T = TypeVar("T")
ANSWER_WITHIN_S = 120.0
"""How long a request may take before nobody believes in an answer any more."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was answered: what was asked and what was promised."""

    verb: str
    content: Mapping[str, Any]
    answer: Any


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request that nobody answered in time."""

    verb: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as it went to the station, for whoever listens at the wall."""

    verb: str
    content: Mapping[str, Any]


Heard = Callable[[Answered | Unanswered], None]


class Kiosk:
    """The station's front. Every verb raises StationDark while the program does not run, and what the verb raises."""

    def __init__(self, process: StationProcess) -> None:
        self._process = process
        self.heard: list[Heard] = []
        self.answers: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.overheard: Posted | None = None

    # -- taking

    async def check_out(self, **wish: Any) -> CheckOutHandle:
        self.overheard = Posted("check_out", wish)
        return await self._ask("check_out", wish, lambda pool: pool.check_out(**wish))

    async def replay(self, content: Mapping[str, Any]) -> CheckOutHandle:
        """Somebody sends what was overheard, or something like it."""
        return await self._process.do(lambda pool: pool.check_out(**content))

    async def hand_to_workshop(self, order: str, **said: Any) -> CheckOutHandle:
        content = {"order_id": order, **said}
        return await self._ask("hand_to_workshop", content, lambda pool: pool.hand_to_workshop(**content))

    async def taken(self, checkout: str, within: float) -> CheckOutView:
        """The screen says that the set is out. Raises NotTaken, OtherSetTaken, ReleaseFailed."""
        return await self._process.do(lambda pool: pool.taken(checkout, within))

    # -- coming home, handing over

    async def identify(self, officer: str, cabinet: str) -> None:
        content = {"officer": officer, "cabinet": cabinet}
        await self._ask("identify", content, lambda pool: pool.identify(**content))

    async def returned(self, checkout: str, within: float) -> CheckOutView:
        """What the screen says of a trip, as soon as its set is home or after so long (s)."""
        return await self._process.do(
            lambda pool: pool.wait_checkout(checkout, until="returned", within=within)
        )

    async def declare_return(self, checkout: str, **said: Any) -> CheckOutView:
        content = {"checkout_id": checkout, **said}
        return await self._ask("declare_return", content, lambda pool: pool.declare_return(**content))

    async def hand_over(self, checkout: str, **said: Any) -> CheckOutView:
        content = {"checkout_id": checkout, **said}
        return await self._ask("hand_over", content, lambda pool: pool.hand_over(**content))

    # -- defects and repairs

    async def report_defect(self, vehicle: str, **said: Any) -> DefectView:
        content = {"vehicle": vehicle, **said}
        return await self._ask("report_defect", content, lambda pool: pool.report_defect(**content))

    async def open_order(self, vehicle: str, **said: Any) -> OrderView:
        content = {"vehicle": vehicle, **said}
        return await self._ask("open_order", content, lambda pool: pool.open_order(**content))

    async def accept_repair(self, order: str, **said: Any) -> OrderView:
        content = {"order_id": order, **said}
        return await self._ask("accept_repair", content, lambda pool: pool.accept_repair(**content))

    # -- looking at the board

    def vehicles(self) -> list[VehicleView]:
        return self._process.pool.vehicles()

    def cabinet(self, name: str) -> CabinetView:
        return self._process.pool.cabinet(name)

    def checkouts(self, *, open_only: bool = True) -> list[CheckOutView]:
        return self._process.pool.checkouts(open_only=open_only)

    def orders(self) -> list[OrderView]:
        return self._process.pool.orders()

    async def _ask(
        self, verb: str, content: Mapping[str, Any], work: Callable[[MotorPool], Coroutine[Any, Any, T]]
    ) -> T:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await self._process.do(work)
        except TimeoutError:
            self._tell(Unanswered(verb, content))
            raise StationDark(f"{verb}: no answer within {ANSWER_WITHIN_S:g} s") from None
        except Refused as no:
            self.refusals.update(no.codes)
            raise
        except MotorPoolError as no:
            self.refusals[no.code] += 1
            raise
        self.answers[verb] += 1
        self._tell(Answered(verb, content, answer))
        return answer

    def _tell(self, what: Answered | Unanswered) -> None:
        for each in tuple(self.heard):
            each(what)
