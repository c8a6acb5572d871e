"""What a site file says of a cabinet's readers."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from keycabinet.errors import Problem
from keycabinet.readers.base import ReaderKind, reader_kinds
from keycabinet.slots import SlotRange, expand_slots
from keycabinet.transport import MODBUS_TCP


class ReaderConfig(BaseModel):
    """Readers of one kind on one line: one at each of `slots`, or, without them, one for the whole cabinet.

    With several readers on a line, channels in `slots` are their addresses ("9-12@1": reader 1 is at slot 9).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", pattern=r"^[\w.-]*$", description="defaults to the line's name and `r`")
    line: str
    kind: str
    address: int = Field(default=0, ge=0, le=255, description="of a reader for the whole cabinet")
    slots: SlotRange | None = None
    role: Literal["fobs", "badges"] = Field(
        default="fobs", description="badges: people hold theirs to it, and it reads no slot"
    )
    antennas: tuple[Annotated[int, Field(ge=1, le=4)], ...] = ()

    @property
    def label(self) -> str:
        """The readers' name, or one made of their line."""
        return self.name or f"{self.line}r"

    def fields(self, kind: ReaderKind) -> tuple[tuple[int | None, int], ...]:
        """Slot (None: the whole cabinet) and address of each reader."""
        if self.slots is None:
            return ((None, self.address),)
        several = len(kind.addresses) > 1
        return tuple((slot, channel if several else 0) for slot, channel in expand_slots(self.slots))


def reader_problems(
    readers: Sequence[ReaderConfig],
    slots: Collection[int],
    board_lines: Collection[str],
    lines: Container[str] | None,
) -> Iterator[Problem]:
    """Everything that is wrong with a cabinet's readers."""
    read: dict[int | None, str] = {}
    taken: dict[tuple[str, int], str] = {}
    kinds = reader_kinds()
    for index, reader in enumerate(readers):
        kind = kinds.get(reader.kind)
        yield from _line_problems(index, reader, readers[:index], board_lines, lines)
        if kind is None:
            known = ", ".join(sorted(kinds))
            yield Problem(("readers", index, "kind"), reader.kind, f"one of {known}")
            continue
        for slot, address in reader.fields(kind):
            path = ("readers", index, "slots" if slot is not None else "address")
            yield from _field_problems(path, reader, kind, slot, address)
            here = ".".join(map(str, path))
            if slot is not None and slot not in slots:
                yield Problem(path, slot, "a slot of this cabinet")
            first = read.setdefault(slot, here) if reader.role == "fobs" else here
            if first != here:
                what = "the whole cabinet" if slot is None else f"slot {slot}"
                yield Problem(
                    path, slot if slot is not None else address, f"{what} is already read by {first}"
                )
            first = taken.setdefault((reader.line, address), f"{here} ({slot or 'cabinet'})")
            if first != f"{here} ({slot or 'cabinet'})":
                yield Problem(
                    path, address, f"an address of its own on line {reader.line}; {first} has this one"
                )


def _line_problems(
    index: int,
    reader: ReaderConfig,
    earlier: Sequence[ReaderConfig],
    board_lines: Collection[str],
    lines: Container[str] | None,
) -> Iterator[Problem]:
    path = ("readers", index, "line")
    if lines is not None and reader.line not in lines:
        yield Problem(path, reader.line, "a line named under [lines]")
    url = lines.get(reader.line) if isinstance(lines, Mapping) else None
    if str(url).startswith(MODBUS_TCP):
        yield Problem(
            path, reader.line, f"a serial:// or rtu+tcp:// line: {reader.kind} does not speak Modbus TCP"
        )
    if reader.line in board_lines:
        yield Problem(path, reader.line, "a line without boards: readers and boards disturb each other")
    if any(each.line == reader.line and each.kind != reader.kind for each in earlier):
        yield Problem(path, reader.line, "one kind of reader on a line")
    if any(each.label == reader.label for each in earlier):
        yield Problem(("readers", index, "name"), reader.label, "a name of its own")


def _field_problems(
    path: tuple[str | int, ...], reader: ReaderConfig, kind: ReaderKind, slot: int | None, address: int
) -> Iterator[Problem]:
    if slot is not None and not kind.fields:
        yield Problem(path, reader.slots, f"none: {reader.kind} covers the whole cabinet")
    if slot is not None and reader.role == "badges":
        yield Problem(path, reader.slots, "none: a badge reader reads no slot")
    if slot is None and not kind.whole and reader.role == "fobs":
        yield Problem(path, None, f"slots: {reader.kind} reads one slot only")
    if address not in kind.addresses:
        yield Problem(path, address, f"address {kind.addresses[0]} to {kind.addresses[-1]}")
