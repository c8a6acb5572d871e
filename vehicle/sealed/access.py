"""Where a holder has its key, its grants and the authority's other papers from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vehicle.sealed.keys import PrivateKey


class Access(Protocol):
    """What a holder brings to a terminal. Everything but the key may be fetched anew for each visit."""

    @property
    def holder(self) -> PrivateKey:
        """The holder's key."""
        ...

    async def grant(self, vehicle: str) -> bytes | None:
        """The grant to present to the terminal of `vehicle`, if there is one."""
        ...

    async def revocations(self, newer_than: int) -> bytes | None:
        """The latest revocation list, if its number is above `newer_than`."""
        ...

    async def time_ticket(self, nonce: bytes) -> bytes | None:
        """The authority's answer to a terminal that is not sure of its clock, if it can be reached."""
        ...


@dataclass(frozen=True, slots=True)
class Papers:
    """Access for one vehicle with what is at hand: a grant, perhaps a list, and no way to the authority."""

    holder: PrivateKey
    held: bytes | None = None
    listed: bytes | None = None
    listed_number: int = 0

    async def grant(self, vehicle: str) -> bytes | None:
        """The one grant."""
        return self.held

    async def revocations(self, newer_than: int) -> bytes | None:
        """The one list."""
        return self.listed if self.listed_number > newer_than else None

    async def time_ticket(self, nonce: bytes) -> bytes | None:
        """None."""
        return None
