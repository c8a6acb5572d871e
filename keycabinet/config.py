"""What a site file says of a cabinet, and the wiring that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from keycabinet.boards.base import BoardKind, BoardShape, board_kind, board_kinds, board_problems
from keycabinet.errors import Problem, ProfileError, WiringError
from keycabinet.model import Sense
from keycabinet.readers.config import ReaderConfig, reader_problems
from keycabinet.slots import SlotRange, expand_slots
from keycabinet.transport import MODBUS_TCP
from keycabinet.wiring import Input, Output, SlotWiring, Wiring

InputRole = Literal["keys", "latches", "compartments", "door_contact", "mains", "battery_low"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BoardConfig(_Strict):
    """One board: where it is, what it is, and which of its channels serve which slots.

    `slots` wires channel n as both the lock (output n) and what the board senses of it: on relay boards the key (input
    n), on lock boards the latch, and the compartment where they have item sensors. On lock boards `latches` and
    `door_contact` count locks, all other roles item sensors. An input reads 1 for key present, compartment full, latch
    locked, door shut, mains there, battery low; roles named in `inverted` read the other way round. `settings` are the
    board family's own. `profile` is a name, or the path of a profile file (*.toml), beside the site file.
    """

    name: str = Field(
        default="", pattern=r"^[\w.-]*$", description="defaults to line and address, such as `a1`"
    )
    line: str
    address: int = Field(ge=0, le=255)
    profile: str
    slots: SlotRange | None = None
    locks: SlotRange | None = None
    keys: SlotRange | None = None
    latches: SlotRange | None = None
    compartments: SlotRange | None = None
    lamps: SlotRange | None = None
    door_lock: int | None = Field(default=None, ge=1)
    door_contact: int | None = Field(default=None, ge=1)
    mains: int | None = Field(default=None, ge=1, description="input that reads 1 while the mains are there")
    battery_low: int | None = Field(default=None, ge=1, description="input that reads 1 when it is low")
    buzzer: int | None = Field(default=None, ge=1, description="output")
    inverted: tuple[InputRole, ...] = ()
    pulse_ms: int | None = Field(default=None, ge=100, le=10_000, multiple_of=100)
    reply_timeout_ms: float | None = Field(default=None, ge=10, le=5_000)
    gap_ms: float | None = Field(default=None, ge=0, le=1_000)
    depth: int = Field(default=1, ge=1, le=64, description="requests outstanding at once; Modbus TCP only")
    settings: dict[str, bool | int | float | str] = Field(default_factory=dict)

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
    poll_battery_s: float = Field(
        default=5.0,
        ge=0.02,
        le=300.0,
        description="between two polls without the mains, where an input tells",
    )
    poll_active_s: float = Field(default=0.02, ge=0.001, le=5.0)
    debounce_s: float = Field(default=0.04, ge=0.0, le=2.0)
    coils_at_once: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="lock coils of one board that its supply feeds at once; without it many slots are opened one "
        "after another, and a single release never waits",
    )
    boards: tuple[BoardConfig, ...]
    readers: tuple[ReaderConfig, ...] = ()
    reread_s: float = Field(
        default=30.0, ge=0.5, le=3600.0, description="how often readers look while nothing moves"
    )


def _none_for(role: str, kind: str, shape: BoardShape) -> str:
    """What to allow where a board has no channel for a role."""
    if kind == "input":
        return "this board senses its latches only" if shape.inputs else "this board has no inputs"
    if not shape.outputs:
        return "this board has no outputs"
    if role in ("lamp", "buzzer"):
        return "a board whose outputs can be left on; those of this one drive locks"
    return "a board that ends a pulse by itself; on this one a lock would stay open if the station died"


class _Plan:
    """Collects channels while walking the boards, remembering who took each first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.slots: dict[int, dict[str, Output | Input]] = {}
        self.door: dict[str, Output | Input] = {}
        self._taken: dict[tuple[int, str, int], tuple[str, int | None]] = {}
        self._origin: dict[tuple[int | None, str], str] = {}

    def add(
        self, index: int, key: str, slot: int | None, role: str, wire: Output | Input, shape: BoardShape
    ) -> None:
        """Wire one channel in one role; a channel or role that is taken names both places."""
        path, here = ("boards", index, key), f"boards.{index}.{key}"
        kind = "output" if isinstance(wire, Output) else "input"
        before, limit = shape.inputs_for(role) if kind == "input" else (0, shape.outputs_for(role))
        channel = wire.channel - before  # as the site file counts
        if channel > limit:
            of = f"; boards.{index}.profile has no more"
            allowed = f"{kind} channel 1 to {limit}{of}" if limit else _none_for(role, kind, shape)
            self.problems.append(Problem(path, channel, allowed))
            return
        first, owner = self._taken.setdefault((index, kind, wire.channel), (here, slot))
        if (first, owner) != (here, slot):
            by = first if first != here else f"slot {owner} there"
            self.problems.append(Problem(path, channel, f"{kind} channel {channel} is already used by {by}"))
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


def _pairs(text: str | None) -> tuple[tuple[int, int], ...]:
    return expand_slots(text) if text else ()


def _wire_board(plan: _Plan, index: int, board: BoardConfig, shape: BoardShape) -> None:
    name = board.label

    def outputs(key: str, text: str | None, role: str) -> None:
        for slot, channel in _pairs(text):
            plan.add(index, key, slot, role, Output(name, channel), shape)

    def inputs(key: str, text: str | None, role: str, kind: InputRole) -> None:
        for slot, channel in _pairs(text):
            plan.add(index, key, slot, role, _sensor(board, shape, role, channel, kind), shape)

    outputs("slots", board.slots, "lock")
    outputs("locks", board.locks, "lock")
    for role, kind in _SENSED_BY_LOCK_BOARDS if shape.latches else _SENSED_BY_RELAY_BOARDS:
        if shape.inputs_for(role)[1]:
            inputs("slots", board.slots, role, kind)
    inputs("keys", board.keys, "key", "keys")
    inputs("latches", board.latches, "latch", "latches")
    inputs("compartments", board.compartments, "compartment", "compartments")
    outputs("lamps", board.lamps, "lamp")
    _wire_whole(plan, index, board, shape)


def _sensor(board: BoardConfig, shape: BoardShape, role: str, channel: int, kind: InputRole) -> Input:
    return Input(board.label, shape.inputs_for(role)[0] + channel, kind in board.inverted)


def _wire_whole(plan: _Plan, index: int, board: BoardConfig, shape: BoardShape) -> None:
    """What a cabinet has once."""
    for key, role, channel in (
        ("door_lock", "door lock", board.door_lock),
        ("buzzer", "buzzer", board.buzzer),
    ):
        if channel is not None:
            plan.add(index, key, None, role, Output(board.label, channel), shape)
    of_cabinet: tuple[tuple[InputRole, str, int | None], ...] = (
        ("door_contact", "door contact", board.door_contact),
        ("mains", "mains", board.mains),
        ("battery_low", "battery low", board.battery_low),
    )
    for kind, role, channel in of_cabinet:
        if channel is not None:
            plan.add(index, kind, None, role, _sensor(board, shape, role, channel, kind), shape)


_SENSED_BY_RELAY_BOARDS: tuple[tuple[str, InputRole], ...] = (("key", "keys"),)
_SENSED_BY_LOCK_BOARDS: tuple[tuple[str, InputRole], ...] = (
    ("latch", "latches"),
    ("compartment", "compartments"),
)


def _kind(plan: _Plan, index: int, board: BoardConfig) -> BoardKind | None:
    """What the board's profile says it is, and what is wrong with the board by itself."""
    try:
        kind = board_kind(board.profile)
    except ProfileError as error:
        plan.problems += [
            Problem(("boards", index, "profile"), board.profile, each) for each in error.problems
        ]
        return None
    if kind is None:
        allowed = f"one of {', '.join(sorted(board_kinds()))}, or the path of a profile file (*.toml)"
        plan.problems.append(Problem(("boards", index, "profile"), board.profile, allowed))
    plan.problems += [
        Problem(("boards", index, *each.path), each.value, each.allowed) for each in board_problems(board)
    ]
    return kind


def _check_board(
    plan: _Plan, config: CabinetConfig, index: int, lines: Container[str] | None
) -> BoardShape | None:
    board = config.boards[index]
    kind = _kind(plan, index, board)
    url = lines.get(board.line) if isinstance(lines, Mapping) else None
    if kind is not None and kind.serial_only and str(url).startswith(MODBUS_TCP):
        allowed = f"a serial:// or rtu+tcp:// line: {board.profile} does not speak Modbus TCP"
        plan.problems.append(Problem(("boards", index, "line"), board.line, allowed))
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
    return kind.shape if kind is not None else None


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
            compartment=_as_input(roles.get("compartment")),
        )
        for slot, roles in sorted(plan.slots.items())
    )


_SENSED_AS: dict[Sense, Callable[[SlotWiring], Input | None]] = {
    Sense.KEY: lambda slot: slot.key,
    Sense.LATCH: lambda slot: slot.latch,
    Sense.COMPARTMENT: lambda slot: slot.compartment,
}


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
    wired = [sense for sense, role in _SENSED_AS.items() if any(role(slot) for slot in slots)]
    for number, sense in enumerate(config.senses or ()):
        role = _SENSED_AS.get(sense)
        if role is None:
            known = ", ".join(_SENSED_AS)
            plan.problems.append(
                Problem(("senses", number), sense.value, f"{known}: no other sensor is wired")
            )
            continue
        missing = [str(slot.slot) for slot in slots if role(slot) is None]
        if missing:
            plan.problems.append(
                Problem(
                    ("senses", number),
                    sense.value,
                    f"an input for every slot; none for slot {', '.join(missing)}",
                )
            )
    return config.senses if config.senses is not None else tuple(wired)


def _plan(name: str, config: CabinetConfig, lines: Container[str] | None) -> tuple[Wiring, list[Problem]]:
    plan = _Plan()
    unreadable = False
    for index, board in enumerate(config.boards):
        shape = _check_board(plan, config, index, lines)
        if shape is None:
            unreadable = True
        else:
            _wire_board(plan, index, board, shape)
    slots = _slots(plan)
    board_lines = tuple(board.line for board in config.boards)
    plan.problems += reader_problems(config.readers, [slot.slot for slot in slots], board_lines, lines)
    senses = (config.senses or ()) if unreadable else _check_whole(plan, config, slots)
    wiring = Wiring(
        cabinet=name,
        slots=slots,
        door_lock=_as_output(plan.door.get("door lock")),
        door_contact=_as_input(plan.door.get("door contact")),
        senses=senses,
        mains=_as_input(plan.door.get("mains")),
        battery_low=_as_input(plan.door.get("battery low")),
        buzzer=_as_output(plan.door.get("buzzer")),
    )
    return wiring, plan.problems


def find_problems(
    name: str, config: CabinetConfig, lines: Container[str] | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong between the boards of a cabinet, all at once.

    `lines` holds the names of the site's lines: a mapping from name to URL, so that board and line are held against
    each other, or the names alone; None leaves lines unchecked.
    """
    return tuple(_plan(name, config, lines)[1])


def resolve(name: str, config: CabinetConfig, lines: Container[str] | None = None) -> Wiring:
    """Which output and inputs serve each slot; WiringError with every problem when the boards do not fit together."""
    wiring, problems = _plan(name, config, lines)
    if problems:
        raise WiringError(name, problems)
    return wiring
