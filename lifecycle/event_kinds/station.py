"""Events about the roster, about people at cabinets, and about the cabinets themselves."""

from __future__ import annotations

from keycabinet import Mains
from lifecycle.event_kinds.kind import SET, EventKind
from lifecycle.event_kinds.values import TEXT, TRUTH, many, word

_POWER = {"mains": word(Mains.ON, Mains.LOST), "battery_low": TRUTH}

ROSTER = (
    EventKind(
        "RosterChanged",
        "Entries of the roster are new, or other than before: `changed` has kind and id of each, such as "
        "`officer:o-013542`.",
        "Nothing. A program that keeps names reads them anew.",
        (),
        {"changed": many(TEXT)},
    ),
    EventKind(
        "KeySetEnrolled",
        "A set of the roster is in the book for the first time, in its home slot.",
        "Nothing.",
        SET,
    ),
    EventKind(
        "KeySetMissingAtEnrolment",
        "A set of the roster is in the book for the first time, and is not known to hang in its home slot.",
        "Find it. Hung into any slot, it comes home by itself.",
        SET,
        alarm=True,
    ),
    EventKind(
        "PersonIdentified",
        "Somebody of the roster is at a cabinet: its door, where it has one, opens for a set that comes home.",
        "Nothing.",
        ("cabinet", "officer"),
    ),
    EventKind(
        "UnknownBadgeRead",
        "A badge of nobody in the roster was held to a cabinet; nothing was opened.",
        "Nothing. If it is an officer's, put the card into the roster.",
        ("cabinet", "reader"),
    ),
)

CABINETS = (
    EventKind("CabinetDoorOpen", "A cabinet's door was opened.", "Nothing.", ("cabinet",)),
    EventKind("CabinetDoorShut", "A cabinet's door was shut.", "Nothing.", ("cabinet",)),
    EventKind(
        "CabinetDoorUnknown",
        "Nobody can tell any more whether a cabinet's door is open.",
        "See to its contact, unless `BoardLost` says why.",
        ("cabinet",),
    ),
    EventKind(
        "BoardLost",
        "A board or a reader of fobs does not answer, or must not be used. What it senses is unknown.",
        "See to its supply and its line; `problems` of the station's health say what is wrong. Nothing is released "
        "from its slots meanwhile.",
        ("cabinet", "board"),
    ),
    EventKind(
        "TwoBoardsAtAddress",
        "Another board answers at this board's address, so that neither is used.",
        "Give one of them another address; `problems` of the station's health say how.",
        ("cabinet", "board", "address?"),
    ),
    EventKind(
        "BoardRecovered",
        "A lost board or reader answers again. What differs from the book follows as events of its own.",
        "Nothing.",
        ("cabinet", "board"),
    ),
    EventKind(
        "MainsLost",
        "A cabinet lives on its battery.",
        "See to the mains before the battery is empty.",
        ("cabinet",),
        _POWER,
    ),
    EventKind("MainsRestored", "A cabinet has its mains back.", "Nothing.", ("cabinet",), _POWER),
    EventKind(
        "BatteryLow",
        "A cabinet's battery is low.",
        "See to the battery. With the mains lost too, expect the cabinet to fall silent.",
        ("cabinet",),
        _POWER,
    ),
    EventKind(
        "BatteryRecovered", "A cabinet's battery is not low any more.", "Nothing.", ("cabinet",), _POWER
    ),
)
