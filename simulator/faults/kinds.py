"""Every kind of fault, as data: what a station would say of it, what it breaks, how often, and for how long.

`chance` is that of one target on one day, 0 to 1. They are chosen so that a simulated week meets most kinds, many
times more often than equipment of this sort fails; no figure was measured in the field. `lasts_s` is the range from
which a duration is drawn, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from simulator.faults.errors import FaultError, UnknownFault

MINUTE = 60.0
HOUR = 3600.0


class Layer(StrEnum):
    """Where in a station a fault sits."""

    SLOT = "slot"
    SENSOR = "sensor"
    DOOR = "door"
    POWER = "power"
    BOARD = "board"
    LINE = "line"
    TCP = "tcp"
    READER = "reader"
    RADIO = "radio"
    ADAPTER = "adapter"
    CAR = "car"
    SEALED = "sealed terminal"
    PROCESS = "process"
    DISK = "disk"
    CLOCK = "clock"


class Aim(StrEnum):
    """What a target is. Slots are named "A-03", boards "A/a1", everything else by its own name."""

    BOLT = "slot with a bolt"
    SWITCH = "slot with a key switch or a compartment sensor"
    LATCH = "slot whose latch is fed back"
    HUNG = "slot with a key set in it"
    SENSED = "slot with a key switch and a key set in it"
    DOOR = "cabinet with a door"
    CONTACT = "cabinet with a door contact"
    CABINET = "cabinet"
    BOARD = "board"
    LINKING = "board whose inputs can act on its relays"
    MODBUS = "modbus"  # a board that speaks Modbus
    PUSHING = "board that tells of changes unasked"
    PAIR = "two boards on one line"  # "A/a1+A/a2"
    MULTIDROP = "board on a serial line"
    WIRE = "serial line, or one behind a gateway"
    SERIAL = "serial line"
    NETWORK = "line over TCP"
    READER = "reader of fobs"  # "A/r" of a whole cabinet, "A/r.3" of slot 3
    FOB = "key set with a fob"
    TERMINAL = "car with a terminal on the radio in memory"
    ADAPTER = "car with a terminal"
    CAR = "car"
    SEALED = "car with a sealed terminal"
    PAPERS = "station with sealed terminals"
    STATION = "station"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row. One target has at most one fault of a `part`; `for_tests` kinds never happen by themselves."""

    name: str
    layer: Layer
    aim: Aim
    part: str
    says: str
    chance: float
    lasts_s: tuple[float, float]
    for_tests: bool = False


def _kinds(*rows: FaultKind) -> Mapping[str, FaultKind]:
    return MappingProxyType({row.name: row for row in rows})


_L, _A = Layer, Aim
_QUARTER, _HOURS = (2 * MINUTE, 15 * MINUTE), (0.5 * HOUR, 4 * HOUR)

# fmt: off
FAULTS: Mapping[str, FaultKind] = _kinds(
    FaultKind("pulse_too_short", _L.SLOT, _A.BOLT, "bolt",
              "the solenoid is weak: the pulse ends before the bolt is drawn", 0.02, _HOURS),
    FaultKind("latch_jammed", _L.SLOT, _A.BOLT, "bolt",
              "the bolt is jammed and the solenoid does not move it", 0.02, _HOURS),
    FaultKind("latch_welded_open", _L.SLOT, _A.BOLT, "bolt",
              "the bolt stays drawn, whatever hangs in the slot", 0.01, _HOURS),
    FaultKind("override_used", _L.SLOT, _A.HUNG, "hook",
              "somebody took a set out with the override key", 0.01, (10 * MINUTE, 2 * HOUR)),
    FaultKind("key_switch_bounces", _L.SENSOR, _A.SWITCH, "key switch",
              "the key switch chatters", 0.02, (1 * MINUTE, 10 * MINUTE)),
    FaultKind("key_switch_stuck_present", _L.SENSOR, _A.SWITCH, "key switch",
              "the key switch stays pressed without a set", 0.02, _HOURS),
    FaultKind("key_switch_stuck_absent", _L.SENSOR, _A.SWITCH, "key switch",
              "the key switch is not pressed by the set that hangs there", 0.01, _HOURS),
    FaultKind("key_wire_broken", _L.SENSOR, _A.SWITCH, "key switch",
              "the wire of the key switch is broken", 0.01, _HOURS),
    FaultKind("latch_switch_stuck", _L.SENSOR, _A.LATCH, "latch switch",
              "the latch switch says the same whatever the bolt does", 0.01, _HOURS),
    FaultKind("set_half_seated", _L.SENSOR, _A.SENSED, "hook",
              "a set hangs half in its receptor and is felt now and then", 0.03, (5 * MINUTE, 1 * HOUR)),
    FaultKind("door_ajar", _L.DOOR, _A.DOOR, "door",
              "the door seems shut and is ajar", 0.3, _QUARTER),
    FaultKind("door_contact_broken", _L.DOOR, _A.CONTACT, "door contact",
              "the wire of the door contact is broken", 0.1, _HOURS),
    FaultKind("door_forced", _L.DOOR, _A.DOOR, "door",
              "somebody forced the door", 0.05, _QUARTER),
    FaultKind("door_left_open", _L.DOOR, _A.DOOR, "door",
              "the door was left open", 0.3, _QUARTER),
    FaultKind("mains_off", _L.POWER, _A.CABINET, "supply",
              "mains failed; the cabinet is on its battery", 0.1, (5 * MINUTE, 6 * HOUR)),
    FaultKind("battery_empty", _L.POWER, _A.CABINET, "supply",
              "mains failed and the battery is empty: the cabinet is dark", 0.05, (10 * MINUTE, 2 * HOUR)),
    FaultKind("board_dead", _L.BOARD, _A.BOARD, "board",
              "the board does not answer", 0.1, (1 * MINUTE, 1 * HOUR)),
    FaultKind("board_slow", _L.BOARD, _A.BOARD, "board",
              "the board answers late", 0.1, _QUARTER),
    FaultKind("board_swallows_frames", _L.BOARD, _A.MULTIDROP, "board",
              "the board misses requests that follow closely on other frames", 0.1, _QUARTER),
    FaultKind("board_reset_to_factory", _L.BOARD, _A.LINKING, "board",
              "the board restarted with its factory settings: inputs drive relays", 0.03, (1 * MINUTE, 10 * MINUTE)),
    FaultKind("board_answers_exceptions", _L.BOARD, _A.MODBUS, "board",
              "the board answers requests with exceptions", 0.1, _QUARTER),
    FaultKind("address_taken_twice", _L.BOARD, _A.MULTIDROP, "board",
              "a second board answers at the same address", 0.05, _QUARTER),
    FaultKind("boards_swapped", _L.BOARD, _A.PAIR, "address",
              "two boards were taken out and came back with each other's address", 0.02, (5 * MINUTE, 1 * HOUR)),
    FaultKind("pushes_lost", _L.BOARD, _A.PUSHING, "pushes",
              "what the board tells unasked is lost", 0.1, _HOURS),
    FaultKind("line_noise", _L.LINE, _A.WIRE, "line",
              "noise on the line: bytes that nobody sent", 0.3, _QUARTER),
    FaultKind("frames_corrupted", _L.LINE, _A.WIRE, "line",
              "frames arrive with wrong bits", 0.3, _QUARTER),
    FaultKind("line_echoes", _L.LINE, _A.WIRE, "line",
              "the adapter echoes what it sends", 0.1, _QUARTER),
    FaultKind("line_cut", _L.LINE, _A.WIRE, "line",
              "the line is cut", 0.2, _QUARTER),
    FaultKind("serial_unplugged", _L.LINE, _A.SERIAL, "line",
              "the serial adapter is pulled out", 0.2, _QUARTER),
    FaultKind("tcp_cut", _L.TCP, _A.NETWORK, "line",
              "the connection is reset", 0.5, (1.0, 5.0)),
    FaultKind("tcp_half_open", _L.TCP, _A.NETWORK, "line",
              "the connection stands and nothing passes", 0.3, (1 * MINUTE, 10 * MINUTE)),
    FaultKind("tcp_slow", _L.TCP, _A.NETWORK, "line",
              "the network is slow", 0.3, _QUARTER),
    FaultKind("tcp_refused", _L.TCP, _A.NETWORK, "line",
              "the gateway takes no connection", 0.3, (30.0, 5 * MINUTE)),
    FaultKind("gateway_restarted", _L.TCP, _A.NETWORK, "line",
              "the gateway restarts", 0.3, (3.0, 40.0)),
    FaultKind("reader_dead", _L.READER, _A.READER, "reader",
              "the reader does not answer", 0.1, _HOURS),
    FaultKind("reader_garbles", _L.READER, _A.READER, "reader",
              "the reader's answers come with wrong bits", 0.1, _HOURS),
    FaultKind("fob_silent", _L.READER, _A.FOB, "fob",
              "the fob of a set broke and does not answer", 0.02, _HOURS),
    FaultKind("fob_doubled", _L.READER, _A.FOB, "fob",
              "a second fob that nobody knows hangs on a set", 0.02, _HOURS),
    FaultKind("fob_foreign", _L.READER, _A.FOB, "fob",
              "a set has another fob, which nobody knows", 0.02, _HOURS),
    FaultKind("radio_out_of_range", _L.RADIO, _A.TERMINAL, "radio",
              "the terminal is out of range", 0.2, (5 * MINUTE, 2 * HOUR)),
    FaultKind("radio_drops_mid_write", _L.RADIO, _A.TERMINAL, "radio",
              "the connection breaks while it is written to", 0.1, _HOURS),
    FaultKind("radio_advertises_slowly", _L.RADIO, _A.TERMINAL, "radio",
              "the terminal advertises so seldom that it is hardly heard", 0.1, _HOURS),
    FaultKind("radio_connected_elsewhere", _L.RADIO, _A.TERMINAL, "radio",
              "somebody's phone is connected to the terminal", 0.1, (5 * MINUTE, 2 * HOUR)),
    FaultKind("radio_link_slow", _L.RADIO, _A.TERMINAL, "radio",
              "the connection is slow", 0.1, _HOURS),
    FaultKind("adapter_no_data", _L.ADAPTER, _A.ADAPTER, "adapter",
              "the adapter says NO DATA", 0.1, _HOURS),
    FaultKind("adapter_stopped", _L.ADAPTER, _A.ADAPTER, "adapter",
              "the adapter says STOPPED", 0.1, _HOURS),
    FaultKind("adapter_truncates", _L.ADAPTER, _A.ADAPTER, "adapter",
              "answers of several frames lack their last one", 0.1, _HOURS),
    FaultKind("adapter_silent", _L.ADAPTER, _A.ADAPTER, "adapter",
              "the adapter hangs without a prompt", 0.1, _HOURS),
    FaultKind("adapter_garbage", _L.ADAPTER, _A.ADAPTER, "adapter",
              "the adapter prints garbage", 0.1, _HOURS),
    FaultKind("adapter_lv_reset", _L.ADAPTER, _A.ADAPTER, "adapter",
              "the supply dips: the adapter says LV RESET and forgets its settings", 0.1, _HOURS),
    FaultKind("car_battery_drains", _L.CAR, _A.CAR, "car battery",
              "the car's battery is old and loses its charge", 0.05, (4 * HOUR, 24 * HOUR)),
    FaultKind("adapter_left_awake", _L.CAR, _A.ADAPTER, "car battery",
              "the adapter was left awake and drains the battery", 0.05, (4 * HOUR, 24 * HOUR)),
    FaultKind("lights_left_on", _L.CAR, _A.CAR, "car battery",
              "the lights were left on", 0.03, (4 * HOUR, 24 * HOUR)),
    FaultKind("car_doors_left_open", _L.CAR, _A.CAR, "car battery",
              "a door of the car was left open", 0.03, (4 * HOUR, 24 * HOUR)),
    FaultKind("dtc_appears", _L.CAR, _A.CAR, "engine",
              "a trouble code appears", 0.05, (4 * HOUR, 24 * HOUR)),
    FaultKind("authority_cut_off", _L.SEALED, _A.PAPERS, "authority",
              "the fleet's authority is not reached: no grants, lists or time arrive", 0.2, (2 * HOUR, 16 * HOUR)),
    FaultKind("revocations_late", _L.SEALED, _A.PAPERS, "list",
              "the newest revocation list is held up", 0.4, (1 * HOUR, 12 * HOUR)),
    FaultKind("grant_revoked", _L.SEALED, _A.SEALED, "grant",
              "the grant for a car is taken back", 0.1, (0.5 * HOUR, 6 * HOUR)),
    FaultKind("terminal_clock_pushed_back", _L.SEALED, _A.SEALED, "terminal clock",
              "the terminal's clock is set back", 0.1, (4 * HOUR, 24 * HOUR)),
    FaultKind("terminal_power_cut", _L.SEALED, _A.SEALED, "terminal supply",
              "the terminal's supply goes and comes back", 0.1, (1 * HOUR, 12 * HOUR)),
    FaultKind("car_locks_stuck", _L.SEALED, _A.SEALED, "car locks",
              "the central locking does not follow", 0.05, _HOURS),
    FaultKind("process_killed", _L.PROCESS, _A.STATION, "process",
              "the station's process is killed", 0.3, (5.0, 10 * MINUTE)),
    FaultKind("disk_full", _L.DISK, _A.STATION, "disk",
              "the disk is full", 0.2, (1 * MINUTE, 20 * MINUTE)),
    FaultKind("disk_fails", _L.DISK, _A.STATION, "disk",
              "the disk reports input/output errors", 0.2, (1 * MINUTE, 10 * MINUTE)),
    FaultKind("disk_slow", _L.DISK, _A.STATION, "disk",
              "the disk takes seconds to write", 0.2, _QUARTER),
    FaultKind("disk_write_torn", _L.DISK, _A.STATION, "kill",
              "at the next kill half a write is on the disk behind the last fsync", 0.2, (1 * HOUR, 24 * HOUR)),
    FaultKind("log_cut", _L.DISK, _A.STATION, "kill",
              "at the next kill the book is cut off at some byte", 0.0, (1 * HOUR, 24 * HOUR), for_tests=True),
    FaultKind("clock_wrong", _L.CLOCK, _A.STATION, "clock",
              "the wall clock is wrong", 0.2, (10 * MINUTE, 4 * HOUR)),
    FaultKind("clock_steps", _L.CLOCK, _A.STATION, "clock",
              "the wall clock steps to and fro", 0.2, (10 * MINUTE, 2 * HOUR)),
)
# fmt: on


def kind_named(name: str, key: str = "fault") -> FaultKind:
    """Return the kind of that name. Raises UnknownFault naming `key` and the names there are."""
    try:
        return FAULTS[name]
    except KeyError:
        raise UnknownFault(key, name, FAULTS) from None


def checked_rates(per_day: Mapping[str, float], key: str = "faults") -> Mapping[str, float]:
    """Return faults a day by kind. Raises FaultError naming the key of a name or number that is wrong."""
    for name, rate in per_day.items():
        kind_named(name, f"{key}.{name}")
        if not 0 <= rate < math.inf:
            raise FaultError(f"{key}.{name}", f"a rate is a number of faults a day, 0 or more, not {rate!r}")
    return per_day
