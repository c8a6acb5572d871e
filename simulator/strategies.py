"""Hypothesis strategies: what goes wrong, where and when, for tests that must hold whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from simulator.faults import FAULTS, FaultKind, FaultNotPossible, Faults, Layer, kind_named

HARDWARE = (
    Layer.SLOT, Layer.SENSOR, Layer.DOOR, Layer.POWER, Layer.BOARD, Layer.LINE, Layer.TCP, Layer.READER,
    Layer.RADIO, Layer.ADAPTER, Layer.CAR,
)  # fmt: skip
"""The layers whose faults need nothing but a running station: no disk, clock or process to break."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault to come: `after_s` seconds from now, for `for_s` seconds, at the `aim`-th of its possible targets."""

    kind: str
    aim: int
    after_s: float
    for_s: float


def fault_kinds(*names: str) -> SearchStrategy[str]:
    """Kinds of fault by name: the named ones, or all that a running station can have. Raises UnknownFault."""
    chosen = [kind_named(name) for name in names] or [kind for kind in FAULTS.values() if _of_hardware(kind)]
    return st.sampled_from([kind.name for kind in chosen])


def fault_plans(
    *names: str, most: int = 4, within_s: float = 600.0, longest_s: float = 300.0
) -> SearchStrategy[tuple[PlannedFault, ...]]:
    """Up to `most` faults that begin within so many seconds; fewer, sooner and shorter when it shrinks."""
    one = st.builds(
        PlannedFault,
        kind=fault_kinds(*names),
        aim=st.integers(0, 63),
        after_s=st.floats(0.0, within_s),
        for_s=st.floats(1.0, longest_s),
    )
    return st.lists(one, max_size=most).map(tuple)


async def carry_out(plan: tuple[PlannedFault, ...], faults: Faults) -> int:
    """Inject each fault of a plan at its time and return how many there were, once the last has ended by itself.

    What cannot be (a target that does not exist, or is broken already) is left out.
    """
    injected = 0
    loop = asyncio.get_running_loop()
    started = loop.time()
    for planned in sorted(plan, key=lambda each: each.after_s):
        await asyncio.sleep(max(0.0, started + planned.after_s - loop.time()))
        targets = faults.targets(planned.kind)
        if not targets:
            continue
        try:
            faults.inject(planned.kind, targets[planned.aim % len(targets)], planned.for_s)
        except FaultNotPossible:
            continue
        injected += 1
    end = max((injection.until for injection in faults.active()), default=loop.time())
    await asyncio.sleep(max(0.0, end - loop.time()))
    return injected


def _of_hardware(kind: FaultKind) -> bool:
    return kind.layer in HARDWARE and not kind.for_tests
