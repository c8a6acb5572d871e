"""A moved key against a bouncing contact."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keycabinet.debounce import FAULT_CALM_S, MAX_FLIPS, Debouncer


def settled(raw: int) -> Debouncer:
    inputs = Debouncer(8, 0.05)
    inputs.feed(raw, 0.0)
    inputs.feed(raw, 0.05)
    return inputs


def test_nothing_is_known_before_two_readings_agree() -> None:
    inputs = Debouncer(8, 0.05)
    assert inputs.feed(0x0F, 0.0) == 0
    assert inputs.restless
    assert inputs.known == 0
    assert inputs.feed(0x0F, 0.05) == 0xFF
    assert (inputs.known, inputs.value, inputs.restless) == (0xFF, 0x0F, False)


def test_a_change_counts_when_it_holds() -> None:
    inputs = settled(0)
    assert inputs.feed(1, 1.0) == 0
    assert inputs.feed(1, 1.02) == 0
    assert inputs.feed(1, 1.05) == 1
    assert inputs.value == 1


def test_a_bounce_changes_nothing() -> None:
    inputs = settled(0)
    for step, raw in enumerate((1, 0, 1, 0, 0, 0)):
        assert inputs.feed(raw, 1.0 + step * 0.03) == 0
    assert (inputs.value, inputs.restless) == (0, False)


def test_one_bouncing_input_does_not_hold_the_others_up() -> None:
    inputs = settled(0)
    inputs.feed(0b11, 1.00)
    inputs.feed(0b10, 1.03)
    assert inputs.feed(0b11, 1.06) == 0b10


def test_an_input_that_never_rests_is_a_fault_until_it_is_calm() -> None:
    inputs = settled(0)
    changed = [inputs.feed(step % 2, 1.0 + step * 0.02) for step in range(1, MAX_FLIPS + 3)]
    assert changed.count(1) == 1
    assert inputs.faulty == 1
    assert not inputs.restless
    now = 2.0 + FAULT_CALM_S
    raw = (MAX_FLIPS + 2) % 2
    assert inputs.feed(raw, now) == 1
    assert inputs.faulty == 0


def test_reset_forgets() -> None:
    inputs = settled(0x55)
    assert inputs.reset() == 0xFF
    assert inputs.known == 0
    assert inputs.reset() == 0


@given(st.lists(st.tuples(st.integers(0, 255), st.floats(0.001, 0.2)), max_size=60))
def test_a_settled_value_is_one_that_held(readings: list[tuple[int, float]]) -> None:
    inputs, now = Debouncer(8, 0.05), 0.0
    last_move = [0.0] * 8
    raw_before: int | None = None
    for raw, pause in readings:
        now += pause
        for bit in range(8):
            if raw_before is None or (raw ^ raw_before) >> bit & 1:
                last_move[bit] = now
        raw_before = raw
        changed = inputs.feed(raw, now)
        for bit in range(8):
            if changed >> bit & 1 and not inputs.faulty >> bit & 1:
                assert inputs.value >> bit & 1 == raw >> bit & 1
                assert now - last_move[bit] >= 0.049
