"""The roster inside the book: kept as rows beside the chain, so that names can change and people can be erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from lifecycle.book import Book, Draft
from lifecycle.model import KeySet, Officer, Unit, Vehicle
from lifecycle.roster import Roster, entity_json, entity_of

_KINDS = {"unit": "units", "officer": "officers", "vehicle": "vehicles", "key_set": "key_sets"}


class RosterBook:
    """The current roster, read from the book's rows and changed only through recorded steps."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.roster = self._read()

    async def upsert(self, delta: Roster) -> None:
        """Merge a delta by id. What is the same already is not written; what changes is one step."""

        def reread() -> None:
            self.roster = self._read()

        def build(draft: Draft) -> None:
            changed = []
            draft.then(reread)  # also when the caller gives up meanwhile
            for kind, table in _KINDS.items():
                for entity in cast(
                    Mapping[str, Unit | Officer | Vehicle | KeySet], getattr(delta, table)
                ).values():
                    data = entity_json(entity)
                    row = self._book.row(f"roster_{kind}", entity.id)
                    old = {} if row is None else row.data
                    given = {name: value for name, value in old.items() if name in data or value is not None}
                    if given != data:
                        # A card or a fob that is not there any more has to be struck off: rows are laid over rows.
                        draft.put(f"roster_{kind}", entity.id, "current", **{**dict.fromkeys(given), **data})
                        changed.append(f"{kind}:{entity.id}")
                    if isinstance(entity, KeySet):
                        _follow(draft, entity)
            if changed:
                draft.data["changed"] = changed
                draft.note("RosterChanged")

        await self._book.step(build)

    def _read(self) -> Roster:
        tables: dict[str, Any] = {
            table: {
                row.id: entity_of(kind, cast(Mapping[str, Any], row.data))
                for row in self._book.rows(f"roster_{kind}")
            }
            for kind, table in _KINDS.items()
        }
        return Roster(**tables)


def _follow(draft: Draft, key_set: KeySet) -> None:
    """A set that was in the roster under the wrong vehicle: from here on its custody goes by the right one."""
    row = draft.row("key_set", key_set.id)
    if row is not None and row.data["vehicle"] != key_set.vehicle:
        draft.put("key_set", row.id, row.state, vehicle=key_set.vehicle)
