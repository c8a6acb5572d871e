"""`docs/obd-adapters.md` has the tables of the code. Run as a program, this writes the page anew."""

from __future__ import annotations

from pathlib import Path

from vehicle.gatt import PROFILES, GattProfile
from vehicle.obd.explained import PROBLEMS
from vehicle.session import REACTIONS, Act, Reaction

DOCUMENT = Path(__file__).parents[2] / "docs" / "obd-adapters.md"
SHORT = "-0000-1000-8000-00805f9b34fb"
HEAD = """\
# OBD adapters

**None of these was ever tried by us.** What stands behind them is the ELM327DSL data sheet v2.3, what makers and others
published, ELM327-emulator as an adapter of others, and simulated ones over a real Bluetooth stack. What python-OBD
makes of the same replies: [obd-agreement.md](obd-agreement.md); the values that are known:
[obd-parameters.md](obd-parameters.md).

## Families

Told apart by asking, never by their services alone: thermal printers and bare HM-10 boards have the same. On each
family that a device offers it is asked `ATI`; what does not answer with ELM327, STN or OBDLink is left alone, and
nothing else is written to it. `profile` in the site file pins one.

| `profile` | service | to the adapter | from it | seen on | wants |
|---|---|---|---|---|---|
"""
BONDS = """
A bond is made once, where an adapter refuses to be listened to without one, and never removed as a repair: an OBDLink
CX keeps its side, ignores every further attempt, and has to be unplugged for half a minute. A passkey is for a person
to type, once, as with `bluetoothctl`. Most adapters want no bond at all: whoever is in range can talk to the car
through them. Nothing here sends more through one than requests to read, and the one to clear codes.

## What an adapter says instead of data

What is left of it after so many tries is an error, or the reason why a value is absent. A visit that an adapter spoils
by resetting or hanging is made once more from the start.

| it prints | that means | first | sent again | then |
|---|---|---|---|---|
"""
FOOT = """
A line marked `<DATA ERROR` or `<RX ERROR` is dropped and the others stay. `7F`, service, `78` gives a control unit six
seconds more. An adapter that does not answer in time is left in silence, sent one CR, and not used again on that
connection unless it shows its prompt: a late reply would be taken for the next one.

## The car's battery

A connected adapter keeps the car awake, so a visit is short, and every one begins with the voltage at the socket. From
13.1 V on the car is running. At rest it is left alone for a minute after each visit; below `low_battery_v` (11.8 V)
nothing is asked but the voltage, and not even that for an hour.

## By hand

```sh
motorpool adapter read AA:BB:CC:DD:EE:FF
motorpool adapter clear-codes AA:BB:CC:DD:EE:FF --by 013542 --reason "work order 77"
motorpool decode elm327 "7E8 04 41 0C 1A F8" --request 010C
```

Clearing codes takes evidence and the readiness of the emission tests with it. The order is recorded before it is sent,
and then what became of it, with the codes before and after; `--hold` names a hold on the vehicle, and any forbids it.
"""
ACTS = {
    Act.ASK_AGAIN: "",
    Act.BACK_OFF: "a pause",
    Act.SEARCH_AGAIN: "the car's protocol is searched again",
    Act.SHORTEN: "headers off for this reply",
}


def document() -> str:
    families = "".join(_family(each) for each in PROFILES)
    reactions = "".join(_reaction(each.value, PROBLEMS[each], of) for each, of in REACTIONS.items())
    return HEAD + families + BONDS + reactions + FOOT


def _family(each: GattProfile) -> str:
    wants = "credits" if each.credits else "" if each.bond.value == "none" else each.bond.value
    uuids = " | ".join(f"`{_short(uuid)}`" for uuid in (each.service, each.write, each.notify))
    return f"| `{each.name}` | {uuids} | {each.seen_on} | {wants} |\n"


def _short(uuid: str) -> str:
    return uuid[4:8].upper() if uuid.endswith(SHORT) and uuid.startswith("0000") else uuid


def _reaction(printed: str, meaning: str, of: Reaction) -> str:
    again = {0: "no", 1: "once", 2: "twice"}[of.retries]
    first = ACTS[of.act] if of.retries else ""
    return f"| `{printed}` | {meaning} | {first} | {again} | {of.error.__name__}: {of.error.cause} |\n"


def test_the_page_has_the_tables_of_the_code() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
