"""The motor pool's verbs for defects and repairs."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle import repairs, views
from lifecycle.book import Draft
from lifecycle.errors import InvalidRequest
from lifecycle.inquiry import Inquiry
from lifecycle.model import DefectView, OrderView


class Workshop(Inquiry):
    """What takes vehicles off the road and brings them back."""

    async def report_defect(
        self,
        vehicle: str,
        *,
        reporter: str,
        code: str,
        severity: str,
        text: str = "",
        command_id: str | None = None,
    ) -> DefectView:
        """Record a defect: minor, major or critical; the last two take the vehicle off the road at once."""
        car, person = self._people.roster.vehicle(vehicle), self._people.roster.officer(reporter)
        repairs.check_severity(severity)
        if not code:
            raise InvalidRequest("code", code, "a word such as tyre, or a fault code such as P0301")
        new = self._book.new_id("df")

        def build(draft: Draft) -> str:
            draft.actor = person.id
            found = [repairs.Found(new, code, severity, text)]
            repairs.report(draft, car.id, found, source=f"officer:{person.id}", now=self._book.clock())
            return new

        content = {
            "verb": "report_defect", "vehicle": car.id, "reporter": person.id, "code": code, "severity": severity,
            "text": text,
        }  # fmt: skip
        defect, _ = await self._book.command(self._command(command_id), content, build)
        return views.defect_view(self._row("defect", defect))

    async def open_order(
        self,
        vehicle: str,
        *,
        by: str,
        workshop: str,
        defects: Sequence[str] | None = None,
        command_id: str | None = None,
    ) -> OrderView:
        """Open a work order for the named defects, or for every open one. The vehicle is off the road from now on."""
        car, person = self._people.roster.vehicle(vehicle), self._people.roster.officer(by)
        if not workshop:
            raise InvalidRequest("workshop", workshop, "who repairs it, such as garage-7")
        new = self._book.new_id("wo")

        def build(draft: Draft) -> str:
            rows = tuple(self._book.rows("defect"))
            now = self._book.clock()
            repairs.open_order(
                draft, rows, car.id, new, by=person.id, workshop=workshop, defects=defects, now=now
            )
            return new

        content = {
            "verb": "open_order", "vehicle": car.id, "by": person.id, "workshop": workshop,
            "defects": None if defects is None else list(defects),
        }  # fmt: skip
        order, _ = await self._book.command(self._command(command_id), content, build)
        return self.order(order)

    async def accept_repair(self, order_id: str, *, by: str, command_id: str | None = None) -> OrderView:
        """Accept a repaired vehicle, by somebody else than who took it to the workshop. Raises Refused."""
        person = self._people.roster.officer(by)
        self._row("order", order_id)

        def build(draft: Draft) -> str:
            rows = tuple(self._book.rows("defect"))
            repairs.accept(draft, rows, self._row("order", order_id), by=person.id, now=self._book.clock())
            return order_id

        content = {"verb": "accept_repair", "order": order_id, "by": person.id}
        await self._book.command(self._command(command_id), content, build)
        return self.order(order_id)
