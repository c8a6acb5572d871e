"""What a site file says of a cabinet, and the wiring that follows from it."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from keycabinet.boards.base import BoardShape, board_shapes
from keycabinet.errors import Problem, WiringError
from keycabinet.model import Sense
from keycabinet.wiring import Input, Output, SlotWiring, Wiring

MAX_SLOT = 9999
_RANGE_HELP = 'ranges such as "1-8", "9-15@3" (slot 9 on channel 3) or "1-4,7"'


def expand_slots(text: str) -> tuple[tuple[int, int], ...]:
    """`"9-11@3"` -> ((9, 3), (10, 4), (11, 5)): slot and channel pairs; channels count on from 1 where none is named.

    ValueError when the text is not a list of ranges.
    """
    pairs: list[tuple[int, int]] = []
    channel = 1
    for part in text.split(","):
        span, at, start = part.strip().partition("@")
        first, dash, last = span.partition("-")
        numbers = [first, last if dash else first, start if at else str(channel)]
        if not all(number.isascii() and number.isdigit() and len(number) <= 4 for number in numbers):
            raise ValueError(f"must be {_RANGE_HELP}")
        low, high, channel = (int(number) for number in numbers)
        if not (1 <= low <= high <= MAX_SLOT and channel >= 1):
            raise ValueError(f"must be {_RANGE_HELP}, rising, from 1")
        pairs.extend((slot, channel + slot - low) for slot in range(low, high + 1))
        channel += high - low + 1
    return tuple(pairs)


def _check_slots(text: str) -> str:
    expand_slots(text)
    return text


SlotRange = Annotated[str, AfterValidator(_check_slots)]
InputRole = Literal["keys", "latches", "door_contact"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BoardConfig(_Strict):
    """One board: where it is, what it is, and which of its channels serve which slots.

    `slots` wires channel n as both the lock (output n) and the key sensor (input n, where the board has inputs).
    An input reads 1 for key present, latch locked, door shut; roles named in `inverted` read the other way round.
    """

    name: str = Field(
        default="", pattern=r"^[\w.-]*$", description="defaults to line and address, such as `a1`"
    )
    line: str
    address: int = Field(ge=1, le=255)
    profile: str
    slots: SlotRange | None = None
    locks: SlotRange | None = None
    keys: SlotRange | None = None
    latches: SlotRange | None = None
    lamps: SlotRange | None = None
    door_lock: int | None = Field(default=None, ge=1)
    door_contact: int | None = Field(default=None, ge=1)
    inverted: tuple[InputRole, ...] = ()
    pulse_ms: int | None = Field(default=None, ge=100, le=10_000, multiple_of=100)
    reply_timeout_ms: float | None = Field(default=None, ge=10, le=5_000)
    gap_ms: float | None = Field(default=None, ge=0, le=1_000)
    depth: int = Field(default=1, ge=1, le=64, description="requests outstanding at once; Modbus TCP only")

    @property
    def label(self) -> str:
        """The board's name, or one made of its line and address."""
        return self.name or f"{self.line}{self.address}"


class CabinetConfig(_Strict):
    """One cabinet: its place, its form, and its boards."""

    place: dict[str, str] = Field(default_factory=dict)
    form: Literal["receptors", "lockers", "panel"] = "receptors"
    senses: tuple[Sense, ...] | None = Field(
        default=None, description="defaults to what the boards are wired for"
    )
    poll_idle_s: float = Field(default=1.0, ge=0.02, le=60.0)
    poll_active_s: float = Field(default=0.02, ge=0.001, le=5.0)
    debounce_s: float = Field(default=0.05, ge=0.0, le=2.0)
    boards: tuple[BoardConfig, ...]


class _Plan:
    """Collects channels while walking the boards, remembering who took each first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.slots: dict[int, dict[str, Output | Input]] = {}
        self.door: dict[str, Output | Input] = {}
        self._taken: dict[tuple[int, str, int], str] = {}
        self._origin: dict[tuple[int | None, str], str] = {}

    def add(
        self, index: int, key: str, slot: int | None, role: str, wire: Output | Input, limit: int
    ) -> None:
        """Wire one channel in one role; a channel or role that is taken names both places."""
        path, here = ("boards", index, key), f"boards.{index}.{key}"
        kind = "output" if isinstance(wire, Output) else "input"
        if wire.channel > limit:
            self.problems.append(
                Problem(
                    path,
                    wire.channel,
                    f"{kind} channel 1 to {limit}" if limit else f"this board has no {kind}s",
                )
            )
            return
        first = self._taken.setdefault((index, kind, wire.channel), here)
        if first != here:
            self.problems.append(
                Problem(path, wire.channel, f"{kind} channel {wire.channel} is already used by {first}")
            )
            return
        other = self._origin.setdefault((slot, role), here)
        if other != here:
            what = f"slot {slot}" if slot is not None else "the cabinet"
            self.problems.append(
                Problem(
                    path,
                    slot if slot is not None else wire.channel,
                    f"{what} already has its {role} at {other}",
                )
            )
            return
        target = self.door if slot is None else self.slots.setdefault(slot, {})
        if role in target:
            self.problems.append(Problem(path, slot, f"slot {slot} is named twice here"))
            return
        target[role] = wire


def _wire_board(plan: _Plan, index: int, board: BoardConfig, shape: BoardShape) -> None:
    name = board.label

    def outputs(key: str, text: str | None, role: str) -> None:
        for slot, channel in expand_slots(text) if text else ():
            plan.add(index, key, slot, role, Output(name, channel), shape.outputs)

    def inputs(key: str, text: str | None, role: str, inverted: bool) -> None:
        for slot, channel in expand_slots(text) if text else ():
            plan.add(index, key, slot, role, Input(name, channel, inverted), shape.inputs)

    outputs("slots", board.slots, "lock")
    outputs("locks", board.locks, "lock")
    if shape.inputs:
        inputs("slots", board.slots, "key", "keys" in board.inverted)
    inputs("keys", board.keys, "key", "keys" in board.inverted)
    inputs("latches", board.latches, "latch", "latches" in board.inverted)
    outputs("lamps", board.lamps, "lamp")
    if board.door_lock is not None:
        plan.add(index, "door_lock", None, "door lock", Output(name, board.door_lock), shape.outputs)
    if board.door_contact is not None:
        contact = Input(name, board.door_contact, "door_contact" in board.inverted)
        plan.add(index, "door_contact", None, "door contact", contact, shape.inputs)


def _check_board(
    plan: _Plan,
    config: CabinetConfig,
    index: int,
    shapes: dict[str, BoardShape],
    lines: Container[str] | None,
) -> BoardShape | None:
    board = config.boards[index]
    shape = shapes.get(board.profile)
    if shape is None:
        plan.problems.append(
            Problem(("boards", index, "profile"), board.profile, f"one of {', '.join(sorted(shapes))}")
        )
    if lines is not None and board.line not in lines:
        known = (
            f"; known: {', '.join(str(line) for line in lines)}"
            if isinstance(lines, dict | list | tuple)
            else ""
        )
        plan.problems.append(
            Problem(("boards", index, "line"), board.line, f"a line named under [lines]{known}")
        )
    for earlier in range(index):
        other = config.boards[earlier]
        if other.label == board.label:
            plan.problems.append(
                Problem(
                    ("boards", index, "name"),
                    board.label,
                    f"a name of its own; boards.{earlier} has this one",
                )
            )
        if (other.line, other.address) == (board.line, board.address):
            plan.problems.append(
                Problem(
                    ("boards", index, "address"),
                    board.address,
                    f"an address of its own on line {board.line}; boards.{earlier} has this one",
                )
            )
    return shape


def _as_input(wire: Output | Input | None) -> Input | None:
    return wire if isinstance(wire, Input) else None


def _as_output(wire: Output | Input | None) -> Output | None:
    return wire if isinstance(wire, Output) else None


def _slots(plan: _Plan) -> tuple[SlotWiring, ...]:
    return tuple(
        SlotWiring(
            slot,
            lock=_as_output(roles.get("lock")),
            key=_as_input(roles.get("key")),
            latch=_as_input(roles.get("latch")),
            lamp=_as_output(roles.get("lamp")),
        )
        for slot, roles in sorted(plan.slots.items())
    )


def _check_whole(plan: _Plan, config: CabinetConfig, slots: tuple[SlotWiring, ...]) -> tuple[Sense, ...]:
    """The cabinet as a whole: something to open, and the senses it claims."""
    openable = "door lock" in plan.door
    if not slots and not openable:
        plan.problems.append(
            Problem(("boards",), len(config.boards), "at least one board with slots or locks")
        )
    for slot in slots:
        if slot.lock is None and not openable:
            plan.problems.append(
                Problem(("boards",), slot.slot, f"slot {slot.slot} needs a lock, or the cabinet a door_lock")
            )
    wired = [
        sense
        for sense, present in (
            (Sense.KEY, any(s.key for s in slots)),
            (Sense.LATCH, any(s.latch for s in slots)),
        )
        if present
    ]
    for number, sense in enumerate(config.senses or ()):
        missing = [
            str(slot.slot) for slot in slots if (slot.key if sense is Sense.KEY else slot.latch) is None
        ]
        if sense not in (Sense.KEY, Sense.LATCH):
            plan.problems.append(
                Problem(("senses", number), sense.value, "key, latch: no other sensor is wired")
            )
        elif missing:
            plan.problems.append(
                Problem(
                    ("senses", number),
                    sense.value,
                    f"an input for every slot; none for slot {', '.join(missing)}",
                )
            )
    return config.senses if config.senses is not None else tuple(wired)


def _plan(name: str, config: CabinetConfig, lines: Container[str] | None) -> tuple[Wiring, list[Problem]]:
    shapes = board_shapes()
    plan = _Plan()
    for index, board in enumerate(config.boards):
        shape = _check_board(plan, config, index, shapes, lines)
        if shape is not None:
            _wire_board(plan, index, board, shape)
    slots = _slots(plan)
    unreadable = any(board.profile not in shapes for board in config.boards)
    senses = (config.senses or ()) if unreadable else _check_whole(plan, config, slots)
    wiring = Wiring(
        cabinet=name,
        slots=slots,
        door_lock=_as_output(plan.door.get("door lock")),
        door_contact=_as_input(plan.door.get("door contact")),
        senses=senses,
    )
    return wiring, plan.problems


def find_problems(
    name: str, config: CabinetConfig, lines: Container[str] | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong between the boards of a cabinet, all at once.

    `lines` holds the names of the site's lines (pass the table's dict or keys); None leaves line names unchecked.
    """
    return tuple(_plan(name, config, lines)[1])


def resolve(name: str, config: CabinetConfig, lines: Container[str] | None = None) -> Wiring:
    """Which output and inputs serve each slot; WiringError with every problem when the boards do not fit together."""
    wiring, problems = _plan(name, config, lines)
    if problems:
        raise WiringError(name, problems)
    return wiring
