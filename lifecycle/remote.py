"""The motor pool's verbs for what vehicles' terminals are told."""

from __future__ import annotations

import asyncio

from lifecycle import actions, views
from lifecycle.actions import OPEN, Cause
from lifecycle.book import Draft
from lifecycle.errors import InvalidRequest, StationUnavailable
from lifecycle.model import ActionView
from lifecycle.policy import ActFacts
from lifecycle.workshop import Workshop
from vehicle import Action


class Remote(Workshop):
    """Lock, unlock, immobilise, mobilise: ordered, then carried out when the vehicle can be reached, or expired."""

    async def order_action(
        self, vehicle: str, action: str, *, officer: str, command_id: str | None = None
    ) -> ActionView:
        """Tell a vehicle's terminal to lock, unlock, immobilise or mobilise. Returns as soon as that is durable.

        While the vehicle is out, its holder alone may. At home anybody for whom its class is listed may have it locked,
        or immobilised where the site lets its class be; it is opened for nobody. An open order about the same part,
        doors or starting, is superseded. Raises Refused with every reason, UnknownThing, InvalidRequest,
        CommandConflict, StationUnavailable.
        """
        car, person = self.roster.vehicle(vehicle), self.roster.officer(officer)
        wanted = _action(action)
        new = self._book.new_id("ac")

        def build(draft: Draft) -> str:
            holder, checkout = self._holder(car.id)
            immobilisable = actions.may_immobilise(car, self.site.actions)
            facts = ActFacts(person, car, wanted, holder, checkout is not None, immobilisable)
            cause = Cause("asked", person.id, self._book.clock(), checkout if holder == person.id else None)
            actions.order(draft, new, facts, cause, self.site.actions)
            return new

        content = {"verb": "order_action", "vehicle": car.id, "action": str(wanted), "officer": person.id}
        try:
            found, _ = await self._book.command(self._command(command_id), content, build)
        except StationUnavailable:
            self._station.performer.look_again()
            raise
        return self.action(str(found))

    def action(self, action_id: str) -> ActionView:
        """One order to a terminal, and how it stands. Raises UnknownThing."""
        return views.action_view(self._row("action", action_id))

    def actions(self, vehicle: str) -> tuple[ActionView, ...]:
        """The last orders to a vehicle's terminal: one about the doors, one about starting. Raises UnknownThing."""
        return self.vehicle(vehicle).actions

    async def wait_action(self, action_id: str, *, within: float) -> ActionView:
        """The order once it has ended, or as it is after `within` seconds. Raises UnknownThing."""
        try:
            async with asyncio.timeout(within):
                await self._book.until(lambda: self._row("action", action_id).state not in OPEN)
        except TimeoutError:
            pass
        return self.action(action_id)

    def _holder(self, vehicle: str) -> tuple[str | None, str | None]:
        """Who has a set of the vehicle, and the release under which it is out; None for one taken by mistake."""
        for each in self.roster.sets_of(vehicle):
            row = self._book.row("key_set", each.id)
            if row is not None and row.state in ("out", "at_workshop") and row.data["holder"] is not None:
                checkout = row.data["checkout"]
                return str(row.data["holder"]), None if checkout is None else str(checkout)
        return None, None


def _action(name: str) -> Action:
    try:
        return Action(name)
    except ValueError:
        raise InvalidRequest("action", name, ", ".join(Action)) from None
