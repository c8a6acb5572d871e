"""The terminal port: what any vehicle terminal can read and do."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from vehicle.actions import ActionOrder, ActionResult, VehicleState
from vehicle.errors import NotCapable
from vehicle.model import Absence, Capability, ClearOrder, CodesCleared, Telemetry


class Terminal(ABC):
    """One vehicle's terminal. `name` is what errors call it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def capabilities(self) -> tuple[Capability, ...]:
        """What this terminal can do."""

    @abstractmethod
    async def read_telemetry(self) -> Telemetry:
        """Visit the vehicle once and read everything it gives.

        A value that the vehicle does not give is a reading without a value and with a reason. Raises a
        VehicleError leaf when the visit as a whole fails, OutOfRange being the ordinary one.
        """

    @property
    def rest_s(self) -> float:
        """Seconds for which the vehicle had better be left alone, so that nothing keeps it awake; 0 if it does not
        matter."""
        return 0.0

    async def clear_codes(self, order: ClearOrder) -> CodesCleared:
        """Have the fault codes cleared, once, and return the record of it.

        Raises ForbiddenByHold when the order names a hold, NotCapable without `Capability.CLEAR_CODES`, and a
        VehicleError leaf when nothing was sent; once the request has left, the record says what is known.
        """
        raise NotCapable(self.name, f"clearing codes for {order.by}")

    async def perform(self, *orders: ActionOrder) -> tuple[ActionResult, ...]:
        """Carry out orders in one visit, in their order, and say of each how it ended.

        A link that fails is an outcome and not an error. Raises NotCapable without the action's capability.
        """
        raise NotCapable(self.name, ", ".join(order.action for order in orders))

    async def read_state(self) -> VehicleState:
        """Visit the vehicle once and read its doors and its immobiliser: what settles an order in doubt.

        Raises NotCapable for a terminal without actions, and a VehicleError leaf when the visit fails.
        """
        raise NotCapable(self.name, "reading doors and immobiliser")

    @abstractmethod
    async def close(self) -> None:
        """Let go of the vehicle. A read that is under way ends first. A second call does nothing."""

    async def __aenter__(self) -> Terminal:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class NoTerminal(Terminal):
    """A vehicle without a terminal: every reading is absent, and nothing fails."""

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """None."""
        return ()

    async def read_telemetry(self) -> Telemetry:
        """A telemetry in which nothing is known."""
        return Telemetry.absent(Absence.NO_TERMINAL, "none", asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Nothing to let go of."""
