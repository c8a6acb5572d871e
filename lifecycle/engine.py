"""Decides what a state table allows: synchronous, pure, with every reason. The only file that imports transitions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transitions import EventData, Machine, MachineError

from lifecycle.model import Reason
from lifecycle.states import StateTable

logging.getLogger("transitions").setLevel(logging.WARNING)  # it reports every callback at INFO

Guard = Callable[[Any], tuple[Reason, ...]]
"""Looks at the facts and returns every reason against the transition; none means go."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The table allows it: the new state, and the kind of the event that records it."""

    state: str
    event: str | None


@dataclass(frozen=True, slots=True)
class NotMoved:
    """The table or a guard is against it, for these reasons."""

    reasons: tuple[Reason, ...]


class _Cursor:
    """A throw-away model: transitions writes the state here, so that no record of ours is ever registered."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


class Engine:
    """A state table made runnable. Guards are looked up by the names the table gives them.

    Raises `LookupError` at construction when the table names a guard that is not there.
    """

    def __init__(self, table: StateTable, guards: Mapping[str, Guard]) -> None:
        self.table = table
        self._machine = Machine(
            model=None,
            states=list(table.states),
            initial=table.initial,
            auto_transitions=False,
            send_event=True,
            transitions=[
                {
                    "trigger": row.trigger,
                    "source": list(row.sources),
                    "dest": row.dest,
                    "conditions": [] if row.guard is None else [_collecting(guards[row.guard])],
                }
                for row in table.transitions
            ],
        )

    def decide(self, state: str, trigger: str, facts: object = None) -> Moved | NotMoved:
        """What `trigger` does to a record in `state`, given the facts. Changes nothing.

        Raises `KeyError` for a trigger the table does not know: that is a mistake in the program.
        """
        cursor, reasons = _Cursor(state), list[Reason]()
        try:
            moved = self._machine.events[trigger].trigger(cursor, facts=facts, reasons=reasons)
        except MachineError:
            return NotMoved((Reason.wrong_state(self.table.name, state, trigger),))
        if not moved:
            return NotMoved(tuple(reasons))
        row = next(r for r in self.table.transitions if r.trigger == trigger and state in r.sources)
        return Moved(cursor.state, row.event)


def _collecting(guard: Guard) -> Callable[[EventData], bool]:
    def condition(event: EventData) -> bool:
        found = guard(event.kwargs["facts"])
        event.kwargs["reasons"].extend(found)
        return not found

    return condition
