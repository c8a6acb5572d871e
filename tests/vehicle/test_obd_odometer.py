"""What stands in for an odometer that the car does not give, and how it is marked."""

from __future__ import annotations

import pytest

from vehicle import Absence, Reading
from vehicle.odometer import END_OF_COUNTER, Reference, follow, reference, typed


def counter(kilometres: int) -> Reading[int]:
    return Reading.of(kilometres, "obd:7E8:0131", 50.0)


def test_a_typed_value_names_who_typed_it() -> None:
    read = typed(48_211.0, "013542", 10.0)
    assert (read.value, read.source) == (48_211.0, "officer:013542")
    with pytest.raises(ValueError, match="less than 0"):
        typed(-1, "013542", 10.0)


def test_a_distance_driven_since_is_added_and_marked() -> None:
    known = reference(typed(48_211.0, "013542", 10.0), counter(400))
    assert known == Reference(48_211.0, "officer:013542", 400)
    read = follow(known, counter(412))
    assert read == Reading.of(48_223.0, "delta:7E8:0131:officer:013542", 50.0)


@pytest.mark.parametrize(
    ("known", "since_clear", "reason"),
    [
        (None, counter(400), Absence.NO_REFERENCE),
        (Reference(1.0, "officer:1", 400), counter(399), Absence.CLEARED),
        (Reference(1.0, "officer:1", 400), counter(END_OF_COUNTER), Absence.SATURATED),
        (
            Reference(1.0, "officer:1", 400),
            Reading[int].absent(Absence.NO_DATA, "obd:any:0131", 50.0),
            Absence.NO_DATA,
        ),
    ],
)
def test_it_is_never_guessed(known: Reference | None, since_clear: Reading[int], reason: Absence) -> None:
    read = follow(known, since_clear)
    assert (read.value, read.reason) == (None, reason)
    assert read.source.startswith("delta:")


def test_a_counter_at_its_end_is_no_start() -> None:
    assert reference(typed(1.0, "1", 0.0), counter(END_OF_COUNTER)) is None
    assert reference(typed(1.0, "1", 0.0), Reading.absent(Absence.NO_DATA, "x", 0.0)) is None
    assert reference(Reading.absent(Absence.NOT_SUPPORTED, "x", 0.0), counter(1)) is None
