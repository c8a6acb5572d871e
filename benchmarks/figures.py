"""What a benchmark finds: a figure, the peer or limit it is held against, and the bound on their ratio."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Final, Literal

Sign = Literal[">=", "<=", "<"]
_HOLDS: Final = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Bound:
    """What the ratio must be; `str()` shows it as in the table."""

    sign: Sign
    limit: float

    def holds(self, ratio: float) -> bool:
        return bool(_HOLDS[self.sign](ratio, self.limit))

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: ours over the peer's or the limit's, both in `unit`; no `bound` where nothing is promised."""

    name: str
    ours: float
    peer: float
    unit: str
    against: str
    bound: Bound | None = None
    parts: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def misses(self) -> bool:
        return self.bound is not None and not self.bound.holds(self.ratio)

    @property
    def verdict(self) -> str:
        if self.bound is None:
            return "-"
        return "MISS" if self.misses else "pass"


class BenchmarkError(Exception):
    """A benchmark could not be run; the text says which program failed and what it said."""
