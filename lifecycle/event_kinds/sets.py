"""Events about key sets: released and taken, home again, and not as they should be."""

from __future__ import annotations

from keycabinet import Presence, ReleaseOutcome
from lifecycle.event_kinds.kind import FOUND, HOME, IDENTITY, RELEASE, SAID, SET, SLOT, WAS_AWAY, EventKind
from lifecycle.event_kinds.values import TEXT, TIME, many, maybe, word
from lifecycle.states import CUSTODY

TAKEN = (
    EventKind(
        "ReleaseIntended",
        "A set is to be released to an officer; this is on the disk before anything moves.",
        "Nothing. `SlotReleased`, `ReleaseUnconfirmed` or `ReleaseFailed` follows, or the set is taken first.",
        (*SET, *RELEASE, "order?"),
        {"purpose": TEXT, "take_by": TIME, "incident?": TEXT},
    ),
    EventKind(
        "SlotReleased",
        "The slot was opened, and reading back confirmed it.",
        "Nothing. `KeySetTaken` follows, or `KeySetNotTaken` once `take_by` has passed.",
        (*SET, *RELEASE),
        {"outcome": word(ReleaseOutcome.CONFIRMED)},
    ),
    EventKind(
        "ReleaseUnconfirmed",
        "The slot was told to open, and nothing proves that it did; it is never told twice.",
        "Nothing, if the set can be taken. If it cannot, ask again after `KeySetNotTaken`.",
        (*SET, *RELEASE),
        {"outcome": word(ReleaseOutcome.UNCONFIRMED), "reason": TEXT},
    ),
    EventKind(
        "ReleaseFailed",
        "The slot was not opened: the command was not sent, or the board refused it. The set stays.",
        "Ask again. If it fails again, see to the board; `reason` says what is wrong.",
        (*SET, *RELEASE),
        {"outcome": word(ReleaseOutcome.NOT_SENT, ReleaseOutcome.REJECTED), "reason": TEXT},
    ),
    EventKind(
        "KeySetNotTaken",
        "Nobody took the set in time; it hangs in its slot and can be had by others.",
        "Nothing. Ask again if it is still wanted.",
        (*SET, *RELEASE),
    ),
    EventKind(
        "KeySetTaken",
        "A set left its slot under a release, and `actor` answers for it. Because `late`: the release had ended.",
        "Nothing.",
        (*SET, *RELEASE, "order?"),
    ),
    EventKind(
        "OtherSetTaken",
        "The one person at the cabinet took another set than was released; it counts as theirs until it is back.",
        "Tell them to put it back, and to take the one that was released.",
        (*SET, *RELEASE, "expected"),
    ),
    EventKind(
        "KeySetHandedOver",
        "A set that is out went from one officer to another, who answers for it from now on.",
        "Nothing.",
        (*SET, *RELEASE),
        {"from": TEXT},
    ),
)

CAME_HOME = (
    EventKind(
        "KeySetReturned",
        "A set hangs in a slot again. `identity` says how well it is known which set it is.",
        "Nothing. Where `identity` is `assumed`, see which set hangs there.",
        WAS_AWAY,
        HOME,
    ),
    EventKind(
        "ReturnDeclared",
        "An officer said how a trip went. `differences` is what they typed less what the car said.",
        "Ask about `differences`, and look for `items_missing`; without them, nothing.",
        (*SET, *RELEASE, "order?"),
        {**SAID, **FOUND, "identity?": IDENTITY},
    ),
    EventKind(
        "UnidentifiedSetAppeared",
        "Something hangs in a slot, and nobody can tell which set it is. `candidates` are the sets that are away, "
        "`key_set` is one that was thought to hang there.",
        "See which set it is. Whoever had it declares the return, with the slot.",
        (*SLOT, "key_set?", "vehicle?"),
        {"candidates?": many(TEXT), "fobs?": many(TEXT), "key_sets?": many(TEXT), "unknown?": many(TEXT)},
    ),
    EventKind(
        "KeySetLocated",
        "A set was found in this slot by its fob, while the book had it in another one (`booked_in`).",
        "Nothing. It is given out from where it hangs.",
        SET,
        {"identity": IDENTITY, "booked_in": TEXT, "home?": TEXT},
    ),
    EventKind(
        "SetInWrongSlot",
        "A set hangs in another slot than its `home`.",
        "Nothing. It is given out from where it hangs.",
        WAS_AWAY,
        {"identity": IDENTITY, "home": TEXT, "booked_in?": TEXT},
    ),
    EventKind(
        "SetInWrongCabinet",
        "A set is in another cabinet than its `home`; without `slot`, nobody can tell in which slot.",
        "Bring it to its own cabinet when somebody is there.",
        ("cabinet", "slot?", "key_set", "vehicle", *maybe(RELEASE), "order?"),
        {"home": TEXT, "identity?": IDENTITY, "booked_in?": TEXT, "booked?": word(*CUSTODY.states)},
    ),
    EventKind(
        "SetSeenInCabinet",
        "A set that the book does not have in this cabinet was read in it, nobody can tell in which slot.",
        "Look for it there. If it is out, whoever had it declares the return, with the slot.",
        ("cabinet", "key_set", "vehicle"),
        {"booked": word(*CUSTODY.states), "home": TEXT},
    ),
)

NOT_AS_IT_SHOULD_BE = (
    EventKind(
        "KeySetRemoved",
        "A set left its slot, or is not in it, and no release says why. Because `other_fob_read`: the fob of another "
        "is read there.",
        "Find out at once who has it. Hung into any slot, it comes home by itself.",
        SET,
        alarm=True,
    ),
    EventKind(
        "UnbookedObjectRemoved",
        "Something left a slot in which the book has no set.",
        "See at once whether a set is missing: it may be one that nobody could name.",
        SLOT,
        alarm=True,
    ),
    EventKind(
        "SlotSenseLost",
        "A slot can no longer tell whether its set is there. The book stays as it was.",
        "See to the slot's sensor and its wire. Nothing is released from it until it senses again.",
        (*SLOT, "key_set?", "vehicle?"),
        {"presence": word(Presence.UNKNOWN, Presence.FAULT)},
    ),
    EventKind(
        "SlotUnsteady",
        "What a slot senses comes and goes by itself. That it is empty counts only once it stays so.",
        "Push the set home, and see how it hangs.",
        SLOT,
    ),
    EventKind(
        "SlotSteady",
        "An unsteady slot has sensed the same for a while; its next alarm is a new one.",
        "Nothing.",
        SLOT,
    ),
    EventKind(
        "FobNotRead",
        "A set came home, and no fob was read on it: presence alone tells which it is.",
        "See whether its fob is on the ring, and whole.",
        WAS_AWAY,
        {"identity": IDENTITY, "fob": TEXT},
    ),
    EventKind(
        "FobStoppedReading",
        "The fob of a set that hangs where it hung is not read any more.",
        "See whether the set is there, with its fob.",
        SET,
        {"fob": TEXT},
    ),
    EventKind(
        "FobReadsAgain", "The fob of a set that hangs here is read once more.", "Nothing.", SET, {"fob": TEXT}
    ),
    EventKind(
        "UnknownFobSeen",
        "A fob that no set of the roster has (`unknown`) was read in a cabinet.",
        "If it is on a set, put its number into the roster. If not, take it out.",
        ("cabinet", "slot?"),
        {"unknown": many(TEXT), "fobs?": many(TEXT), "key_sets?": many(TEXT)},
    ),
    EventKind(
        "TwoFobsInSlot",
        "More than one fob was read in one slot.",
        "Hang each set into a slot of its own.",
        SLOT,
        {"fobs": many(TEXT), "key_sets": many(TEXT), "unknown?": many(TEXT)},
    ),
)
