"""Holds recorded events against the JSON Schema of their kind, by somebody else's validator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from jsonschema_rs import Draft202012Validator

from api.stream import event_json
from lifecycle import Event
from lifecycle.book import Book, Draft
from lifecycle.event_kinds import json_schema


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json_schema(kind), validate_formats=True)


def wrong_with(event: Event) -> list[str]:
    """What the event has that its kind's schema does not allow, or lacks."""
    try:
        found = validator(event.kind).iter_errors(event_json(event))
    except KeyError:
        return [f"{event.kind} is not in the table of kinds"]
    return [f"{event.kind} {'/'.join(map(str, each.instance_path))}: {each.message}" for each in found]


@pytest.fixture(autouse=True)
def every_event_fits_its_schema(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test of the folder has recorded, it is what the table of kinds says."""
    wrong: list[str] = []
    step = Book.step

    async def watched(book: Book, build: Callable[[Draft], None]) -> tuple[Event, ...]:
        events = await step(book, build)
        wrong.extend(each for event in events for each in wrong_with(event))
        return events

    monkeypatch.setattr(Book, "step", watched)
    yield
    assert not wrong, "\n".join(wrong)
