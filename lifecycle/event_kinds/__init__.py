"""Every kind of event that the book can hold: what it says, what to do about it, what it carries, and its JSON Schema.

The page docs/events.md is made of these tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.event_kinds import sets, station, vehicles
from lifecycle.event_kinds.kind import ENVELOPE, IDS, EventKind
from lifecycle.event_kinds.values import TEXT, Schema, bare, record

__all__ = ["ENVELOPE", "EVENT_KINDS", "IDS", "SECTIONS", "EventKind", "json_schema"]

SECTIONS: Mapping[str, tuple[EventKind, ...]] = {
    "Sets are released and taken": sets.TAKEN,
    "Sets come home": sets.CAME_HOME,
    "Sets, slots and fobs that are not as they should be": sets.NOT_AS_IT_SHOULD_BE,
    "The roster, and people at cabinets": station.ROSTER,
    "Cabinets": station.CABINETS,
    "Defects and repairs": vehicles.REPAIRS,
    "What vehicles tell": vehicles.TELL,
    "What vehicles are told": vehicles.ARE_TOLD,
}
EVENT_KINDS: Mapping[str, EventKind] = {each.kind: each for kinds in SECTIONS.values() for each in kinds}


def json_schema(kind: str) -> Schema:
    """The JSON Schema (draft 2020-12) of an event of this kind, as clients get it over HTTP.

    Raises KeyError for a kind that there is not.
    """
    found = EVENT_KINDS[kind]
    ids = record(dict.fromkeys(found.ids, TEXT)).schema
    ids["properties"] = {bare(name): {**TEXT.schema, "description": IDS[bare(name)]} for name in found.ids}
    own: Schema = {"kind": {"const": kind}, "ids": ids, "data": record(found.data).schema}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": found.says,
        "type": "object",
        "properties": {
            name: {"description": words, **own.get(name, each.schema)}
            for name, (each, words) in ENVELOPE.items()
        },
        "required": list(ENVELOPE),
        "additionalProperties": False,
    }
