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

        def build(draft: Draft) -> None:
            changed = []
            for kind, table in _KINDS.items():
                for entity in cast(
                    Mapping[str, Unit | Officer | Vehicle | KeySet], getattr(delta, table)
                ).values():
                    data = entity_json(entity)
                    row = self._book.row(f"roster_{kind}", entity.id)
                    if row is None or dict(row.data) != data:
                        draft.put(f"roster_{kind}", entity.id, "current", **data)
                        changed.append(f"{kind}:{entity.id}")
            if changed:
                draft.data["changed"] = changed
                draft.note("RosterChanged")

        await self._book.step(build)
        self.roster = self._read()

    def _read(self) -> Roster:
        tables: dict[str, Any] = {
            table: {
                row.id: entity_of(kind, cast(Mapping[str, Any], row.data))
                for row in self._book.rows(f"roster_{kind}")
            }
            for kind, table in _KINDS.items()
        }
        return Roster(**tables)
