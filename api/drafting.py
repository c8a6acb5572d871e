"""A draft of a site file from what a probe found: what is sure is written, what is a guess is said beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from keycabinet.boards.base import BoardShape, board_kinds
from keycabinet.probing import Found, Sighted, Survey
from keycabinet.readers.base import reader_kinds
from keycabinet.transport import LineUrl

CABINET = "A"
MAX_LINES = len(ascii_lowercase)

_HEAD = """\
# A draft, written by `motorpool probe`. Before it serves a station:
# - give the station its code and the cabinet its place;
# - check slot by slot that the right lock opens (`motorpool cabinet identify`, `motorpool cabinet open`);
# - `motorpool check {name}` reads it, `motorpool check {name} --live` compares it with the line.

[station]
code = "new-station"                # yours; events carry it
timezone = "{timezone}"
roster = "{roster}"                 # people and cars

[lines]
"""
ROSTER = """\
# People, cars and key sets; empty so far. Each entry is a table: [[units]], [[officers]], [[vehicles]], [[key_sets]].
"""


class NothingToDraft(Exception):
    """Nothing was found that opens a slot, so that there is no cabinet to write down."""


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    url: LineUrl
    found: tuple[Found, ...]
    elsewhere: tuple[Sighted, ...]
    """Devices that answered at other settings of the port than `url`'s."""


def draft(
    surveys: Sequence[tuple[LineUrl, Survey]],
    *,
    name: str = "SITE.toml",
    roster: str = "roster.toml",
    timezone: str = "Asia/Shanghai",
) -> str:
    """The text of a site file with one cabinet on these lines. NothingToDraft when nothing found can open a slot."""
    lines = [
        _line(letter, url, survey) for letter, (url, survey) in zip(ascii_lowercase, surveys, strict=False)
    ]
    text = _HEAD.format(name=name, roster=roster, timezone=timezone)
    text += "".join(f'{line.name} = "{line.url}"\n' for line in lines)
    plan = _Plan()
    boards = [each for line in lines for each in plan.boards(line)]
    if not plan.slots:
        raise NothingToDraft("nothing was found that opens a slot; there is no cabinet to write down")
    text += f'\n[cabinets.{CABINET}]\nplace = {{ en = "where it stands" }}\nboards = [\n{_items(boards)}]\n'
    readers = [each for line in lines for each in plan.readers(line)]
    if readers:
        text += f"readers = [\n{_items(readers)}]\n"
    return text


def _line(name: str, url: LineUrl, survey: Survey) -> _Line:
    """The line at the setting at which most answered."""
    counts: dict[LineUrl, int] = {url: 0}
    for each in survey.sighted:
        counts[each.url] = counts.get(each.url, 0) + 1
    best = max(counts, key=lambda each: counts[each])
    return _Line(
        name,
        best,
        tuple(each.found for each in survey.sighted if each.url == best),
        tuple(each for each in survey.sighted if each.url != best),
    )


def _items(items: Iterable[str]) -> str:
    return "".join(f"  {item}\n" for item in items)


class _Plan:
    """Gives slots out in the order in which boards are written down."""

    def __init__(self) -> None:
        self.slots = 0
        self._addresses: set[tuple[str, int]] = set()
        self._whole = False
        self._read = 0

    def boards(self, line: _Line) -> Iterator[str]:
        """An entry for each board, or a comment that says why there is none."""
        kinds = board_kinds()
        for found in line.found:
            if found.is_reader:
                continue
            yield from (f"# {doubt}" for doubt in found.doubts)
            if not found.profiles:
                yield f"# address {found.address}: {found.family}, {found.evidence}"
            elif (line.name, found.address) in self._addresses:
                yield f"# address {found.address} is taken; {found.profiles[0]} answers there too: give it another"
            else:
                self._addresses.add((line.name, found.address))
                yield self._board(line, found, kinds[found.profiles[0]].shape)
        for each in line.elsewhere:
            if not each.found.is_reader:
                yield f"# {each.found.family} at address {each.found.address} answered at {each.url} only"

    def _board(self, line: _Line, found: Found, shape: BoardShape) -> str:
        start = (
            f'{{ name = "{line.name}{found.address}", line = "{line.name}", address = {found.address}, '
            f'profile = "{found.profiles[0]}"'
        )
        locks = shape.outputs_for("lock")
        if not locks:
            what = f"{shape.outputs} outputs that drive no locks, {shape.inputs} inputs"
            return f"# {start}, ... }}, gives {what}: keys, lamps, door_contact"
        first, self.slots = self.slots + 1, self.slots + locks
        return f'{start}, slots = "{first}-{self.slots}" }},'

    def readers(self, line: _Line) -> Iterator[str]:
        """An entry for each reader that can be written down by itself."""
        boards = any(not found.is_reader for found in line.found)
        kinds = reader_kinds()
        several: dict[str, list[int]] = {}
        for found in (each for each in line.found if each.is_reader):
            kind = kinds[found.profiles[0]]
            if boards:
                yield f"# {found.family} at address {found.address}: wants a line without boards"
            elif kind.whole and not self._whole:
                self._whole = True
                yield f'{{ line = "{line.name}", kind = "{found.profiles[0]}", address = {found.address} }},'
            elif kind.fields:
                several.setdefault(found.profiles[0], []).append(found.address)
            else:
                yield f"# {found.family} at address {found.address}: the cabinet has a reader already"
        for number, (name, addresses) in enumerate(several.items()):
            if number or self._whole:
                yield f"# {name}: one kind of reader on a line"
            else:
                yield from self._fields(line, name, addresses, several=len(kinds[name].addresses) > 1)

    def _fields(self, line: _Line, kind: str, addresses: Sequence[int], *, several: bool) -> Iterator[str]:
        free = range(self._read + 1, self.slots + 1)
        pairs = list(zip(free, addresses, strict=False))
        if not pairs:
            yield f"# {kind} at {', '.join(map(str, addresses))}: no slot is left for it"
            return
        self._read = pairs[-1][0]
        slots = ",".join(f"{slot}@{address}" if several else str(slot) for slot, address in pairs)
        yield "# which reader is at which slot is a guess: `motorpool cabinet identify`"
        yield f'{{ line = "{line.name}", kind = "{kind}", slots = "{slots}" }},'
