"""Cabinets over simulated boards speaking real bytes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from modbus_peer import Board, Chunks, Wire

from keycabinet.cabinet import Cabinet
from keycabinet.config import CabinetConfig
from keycabinet.errors import (
    CabinetClosed,
    CommandReused,
    DangerousLinkage,
    NotWired,
    UnknownSlot,
    UnsupportedBoard,
    WiringError,
)
from keycabinet.events import Subscription
from keycabinet.line import Line
from keycabinet.model import (
    BoardLost,
    BoardRecovered,
    CabinetEvent,
    DoorChanged,
    DoorState,
    LatchState,
    Presence,
    PresenceChanged,
    Proof,
    ReleaseOutcome,
    Sense,
)
from keycabinet.transport import LineUrl

URL = LineUrl.parse("serial:///dev/nowhere?baudrate=9600")
D8 = {"name": "a1", "line": "a", "address": 1, "profile": "waveshare-relay-d-8", "slots": "1-8"}
IO8 = {"name": "a2", "line": "a", "address": 2, "profile": "waveshare-io-8ch"}


def config(*boards: dict[str, object], **rest: object) -> CabinetConfig:
    return CabinetConfig.model_validate({"boards": list(boards or (D8,)), **rest})


@asynccontextmanager
async def cabinet(wire: Wire, *boards: dict[str, object], **rest: object) -> AsyncIterator[Cabinet]:
    async with (
        await Line.open("a", URL, opener=wire) as line,
        Cabinet("A", config(*boards, **rest), {"a": line}) as opened,
    ):
        yield opened


def happened(events: AsyncIterator[CabinetEvent]) -> list[CabinetEvent]:
    """What has been published so far."""
    assert isinstance(events, Subscription)
    found = list(events._events)
    events._events.clear()
    return found


def presences(subject: Cabinet) -> str:
    letters = {Presence.PRESENT: "P", Presence.ABSENT: "-", Presence.UNKNOWN: "?", Presence.FAULT: "!"}
    return "".join(letters[slot.presence] for slot in subject.snapshot().slots)


async def test_first_snapshot() -> None:
    board = Board()
    board.input_mask = 0b00001101
    async with cabinet(Wire(board)) as subject:
        assert presences(subject) == "P-PP----"
        snapshot = subject.snapshot()
        assert (snapshot.online, snapshot.door, snapshot.proof) == (True, DoorState.UNKNOWN, Proof.PROVED)
        assert subject.senses == (Sense.KEY,)
        assert snapshot.slot(3).presence is Presence.PRESENT
        with pytest.raises(KeyError):
            snapshot.slot(9)


async def test_a_key_that_leaves_is_an_event_and_a_bounce_is_none() -> None:
    board = Board()
    board.input_mask = 0xFF
    async with cabinet(Wire(board)) as subject:
        events = subject.events()
        board.input_mask = 0xFB
        await asyncio.sleep(1.5)
        (event,) = happened(events)
        assert isinstance(event, PresenceChanged)
        assert (event.slot, event.presence, event.previous) == (3, Presence.ABSENT, Presence.PRESENT)
        assert event.proof is Proof.PROVED
        assert event.at == subject.snapshot().slot(3).since
        wait_for_poll = subject.polls
        board.input_mask = 0xFF
        while subject.polls == wait_for_poll:
            await asyncio.sleep(0.01)
        board.input_mask = 0xFB  # back before it was seen twice
        await asyncio.sleep(3)
        assert happened(events) == []


async def test_release_is_one_pulse_read_back() -> None:
    board = Board()
    async with cabinet(Wire(board)) as subject:
        release = await subject.open_slot(7, "c1")
        assert (release.outcome, release.reason, release.slot) == (ReleaseOutcome.CONFIRMED, None, 7)
        assert board.pulses == [(7, 2)]
        assert await subject.open_slot(7, "c1") == release
        with pytest.raises(CommandReused, match="slot 7"):
            await subject.open_slot(6, "c1")
        assert board.pulses == [(7, 2)]


async def test_the_same_command_twice_at_once_and_cancelled() -> None:
    board = Board()
    async with cabinet(Wire(board)) as subject:
        first = asyncio.ensure_future(subject.open_slot(2, "c1"))
        second = asyncio.ensure_future(subject.open_slot(2, "c1"))
        await asyncio.sleep(0.001)
        first.cancel()
        assert (await second).outcome is ReleaseOutcome.CONFIRMED
        assert board.pulses == [(2, 2)]


async def test_a_relay_that_does_not_move_is_unconfirmed() -> None:
    board = Board()
    board.relays_work = False
    async with cabinet(Wire(board)) as subject:
        release = await subject.open_slot(1, "c1")
        assert release.outcome is ReleaseOutcome.UNCONFIRMED
        assert "read back off" in str(release.reason)


async def test_a_lost_echo_is_unconfirmed_and_never_pulsed_again() -> None:
    board = Board()
    wire = Wire(board)

    def swallow_echo(request: bytes) -> Chunks | None:
        if request[1] != 5:
            return None
        wire.reply(request)
        return []

    async with cabinet(wire) as subject:
        wire.script = swallow_echo
        release = await subject.open_slot(1, "c1")
        assert release.outcome is ReleaseOutcome.UNCONFIRMED
        assert "no reply" in str(release.reason)
        assert await subject.open_slot(1, "c1") == release
        assert board.pulses == [(1, 2)]


async def test_a_refused_release_is_rejected() -> None:
    board = Board()
    wire = Wire(board)
    async with cabinet(wire) as subject:
        wire.script = lambda request: [(0.01, bytes.fromhex("0185030291"))] if request[1] == 5 else None
        release = await subject.open_slot(1, "c1")
        assert release.outcome is ReleaseOutcome.REJECTED
        assert "illegal data value" in str(release.reason)


async def test_a_release_while_the_link_is_down_is_not_sent() -> None:
    board = Board()
    wire = Wire(board)
    async with cabinet(wire) as subject:
        wire.refuse = OSError("unplugged")
        wire.links[0].lose()
        await asyncio.sleep(0)
        release = await subject.open_slot(1, "c1")
        assert release.outcome is ReleaseOutcome.NOT_SENT
        await asyncio.sleep(2)
        assert (await subject.open_slot(1, "c2")).outcome is ReleaseOutcome.NOT_SENT
        assert presences(subject) == "????????"
        wire.refuse = None
        await asyncio.sleep(15)
        assert (await subject.open_slot(1, "c3")).outcome is ReleaseOutcome.CONFIRMED
        assert board.pulses == [(1, 2)]


async def test_latch_feedback_confirms() -> None:
    locks, sensors = Board(1), Board(2)
    sensors.input_mask = 0xFF
    wire = Wire(locks, sensors)
    boards = ({**D8, "slots": None, "locks": "1-8"}, {**IO8, "latches": "1-8"})

    def spring_open(channel: int) -> None:
        asyncio.get_running_loop().call_later(0.3, unlatch, channel)

    def unlatch(channel: int) -> None:
        sensors.input_mask &= ~(1 << (channel - 1))

    async with cabinet(wire, *boards) as subject:
        assert subject.snapshot().slot(4).latch is LatchState.LOCKED
        jammed = await subject.open_slot(4, "c1")
        assert jammed.outcome is ReleaseOutcome.UNCONFIRMED
        assert "jammed" in str(jammed.reason)
        locks.on_pulse = spring_open
        assert (await subject.open_slot(4, "c2")).outcome is ReleaseOutcome.CONFIRMED
        assert subject.snapshot().slot(4).latch is LatchState.UNLOCKED
        assert subject.proof is Proof.INFERRED
        assert locks.pulses == [(4, 2), (4, 2)]


async def test_door_and_lamps() -> None:
    keys, rest = Board(1), Board(2)
    rest.input_mask = 0x80
    wire = Wire(keys, rest)
    boards = (D8, {**IO8, "lamps": "1-4", "door_lock": 8, "door_contact": 8})
    async with cabinet(wire, *boards) as subject:
        events = subject.events()
        assert subject.has_door
        assert subject.has_lamps
        assert subject.snapshot().door is DoorState.SHUT
        opened = await subject.open_door("d1")
        assert (opened.slot, opened.outcome) == (0, ReleaseOutcome.CONFIRMED)
        await subject.set_lamp(3, on=True)
        assert rest.coil_mask & 0x04
        rest.input_mask = 0
        await asyncio.sleep(0.2)
        (event,) = happened(events)
        assert isinstance(event, DoorChanged)
        assert event.door is DoorState.OPEN
        await subject.set_lamp(3, on=False)
        assert not rest.coil_mask & 0x04
        with pytest.raises(NotWired, match="slot 5 has no lamp"):
            await subject.set_lamp(5, on=True)


async def test_a_cabinet_without_inputs_assumes() -> None:
    wire = Wire(Board(3, outputs=16, inputs=0))
    boards = ({"line": "a", "address": 3, "profile": "waveshare-relay-16", "slots": "1-16"},)
    async with cabinet(wire, *boards) as subject:
        assert subject.proof is Proof.ASSUMED
        assert subject.senses == ()
        assert presences(subject) == "?" * 16
        assert (await subject.open_slot(16, "c1")).outcome is ReleaseOutcome.CONFIRMED


async def test_linked_inputs_are_refused_with_the_way_to_set_them_right() -> None:
    board = Board()
    board.registers[0x1002] = 1
    with pytest.raises(DangerousLinkage, match=r"write 0 \(normal\) to holding register 0x1002"):
        async with cabinet(Wire(board)):
            pass


async def test_a_board_that_came_back_linked_between_two_polls_is_found_out() -> None:
    """Its supply dipped; it answers as before, but now its inputs open its locks."""
    board = Board()
    async with cabinet(Wire(board)) as subject:
        events = subject.events()
        board.registers[0x1002] = 1
        await asyncio.sleep(70)
        lost = happened(events)[0]
        assert isinstance(lost, BoardLost)
        assert "0x1002" in lost.error
        assert (await subject.open_slot(1, "c1")).outcome is ReleaseOutcome.NOT_SENT
        board.registers[0x1002] = 0
        await asyncio.sleep(20)
        assert (await subject.open_slot(1, "c2")).outcome is ReleaseOutcome.CONFIRMED


async def test_an_old_board_is_refused() -> None:
    with pytest.raises(UnsupportedBoard, match="protocol V1"):
        async with cabinet(Wire(Board(version=None))):
            pass


async def test_a_dead_board_is_unknown_and_the_others_keep_their_rhythm() -> None:
    one, two = Board(1), Board(2)
    one.input_mask = two.input_mask = 0xFF
    wire = Wire(one, two)
    async with cabinet(wire, D8, {**IO8, "slots": "9-16"}) as subject:
        events = subject.events()
        one.mute = True
        await asyncio.sleep(5)
        lost, *rest = happened(events)
        assert isinstance(lost, BoardLost)
        assert (lost.board, len(rest)) == ("a1", 8)
        assert presences(subject) == "????????PPPPPPPP"
        assert not subject.snapshot().online
        assert [(board.online, board.version) for board in subject.boards()] == [
            (False, None),
            (True, "2.00"),
        ]
        assert "silent" in str(subject.boards()[0].error)
        before = len([1 for _, frame in wire.requests if frame[0] == 2])
        await asyncio.sleep(60)
        assert len([1 for _, frame in wire.requests if frame[0] == 2]) - before >= 55
        two.input_mask = 0xFE
        await asyncio.sleep(2)
        (event,) = happened(events)
        assert isinstance(event, PresenceChanged)
        assert event.slot == 9
        release = await subject.open_slot(1, "c1")
        assert release.outcome is ReleaseOutcome.NOT_SENT
        one.mute = False
        await asyncio.sleep(40)
        recovered = happened(events)
        assert isinstance(recovered[0], BoardRecovered)
        assert presences(subject) == "PPPPPPPP-PPPPPPP"
        assert subject.snapshot().online


async def test_a_board_that_is_dead_from_the_start_does_not_stop_the_cabinet() -> None:
    one, two = Board(1), Board(2)
    one.mute, two.input_mask = True, 0x01
    async with cabinet(Wire(one, two), D8, {**IO8, "slots": "9-16"}) as subject:
        assert presences(subject) == "????????P-------"
        assert (await subject.open_slot(1, "c1")).outcome is ReleaseOutcome.NOT_SENT
        assert (await subject.open_slot(9, "c2")).outcome is ReleaseOutcome.CONFIRMED
        one.mute = False
        await asyncio.sleep(40)
        assert presences(subject) == "--------P-------"


async def test_a_board_that_comes_back_dangerous_is_not_used() -> None:
    board = Board()
    async with cabinet(Wire(board)) as subject:
        board.mute = True
        await asyncio.sleep(5)
        board.mute = False
        board.registers[0x1000] = 1  # replaced by one from the factory
        await asyncio.sleep(40)
        release = await subject.open_slot(1, "c1")
        assert release.outcome is ReleaseOutcome.NOT_SENT
        assert "could open a lock" in str(release.reason)
        board.registers[0x1000] = 0
        await asyncio.sleep(20)
        assert (await subject.open_slot(1, "c2")).outcome is ReleaseOutcome.CONFIRMED
        assert board.pulses == [(1, 2)]


async def test_one_spoiled_reply_loses_no_board() -> None:
    board = Board()
    wire = Wire(board)
    async with cabinet(wire) as subject:
        events = subject.events()
        spoiled: list[bytes] = []

        def spoil_once(request: bytes) -> Chunks | None:
            if spoiled:
                return None
            spoiled.append(request)
            return [(0.005, b"\x01\x02\x01\xff\xff\xff")]

        wire.script = spoil_once
        await asyncio.sleep(3)
        assert spoiled
        assert happened(events) == []


async def test_adaptive_polling() -> None:
    board = Board()
    async with cabinet(Wire(board)) as subject:
        idle = subject.polls
        await asyncio.sleep(10)
        assert subject.polls - idle in (9, 10)
        attended = subject.polls
        subject.attend(10)
        subject.attend(5)
        await asyncio.sleep(0)
        subject.attend(5)
        await asyncio.sleep(10)
        assert subject.polls - attended > 300
        calm = subject.polls
        await asyncio.sleep(10)
        assert subject.polls - calm <= 11


async def test_refresh_reads_now() -> None:
    board = Board()
    async with cabinet(Wire(board), poll_idle_s=60.0) as subject:
        board.input_mask = 0x01
        assert (await subject.refresh()).slot(1).presence is Presence.PRESENT


async def test_a_flapping_input_is_a_fault() -> None:
    board = Board()
    wire = Wire(board)

    def flap(request: bytes) -> None:
        board.input_mask ^= request[1] == 2

    wire.script = flap
    async with cabinet(wire) as subject:
        subject.attend(5)
        await asyncio.sleep(5)
        assert presences(subject) == "!-------"
        wire.script = None
        await asyncio.sleep(5)
        assert presences(subject)[0] in "P-"


async def test_callers_mistakes() -> None:
    async with cabinet(Wire(Board())) as subject:
        with pytest.raises(UnknownSlot, match="its slots: 1 to 8"):
            await subject.open_slot(9, "c1")
        with pytest.raises(NotWired, match="no door lock"):
            await subject.open_door("c1")
        with pytest.raises(NotWired):
            await subject.set_lamp(1, on=True)
    with pytest.raises(CabinetClosed):
        await subject.open_slot(1, "c1")
    await subject.close()


async def test_unknown_line() -> None:
    with pytest.raises(WiringError, match=r"boards\.0\.line = 'a'"):
        Cabinet("A", config(D8), {})


async def test_events_end_when_the_cabinet_closes_and_reach_every_listener() -> None:
    board = Board()
    async with cabinet(Wire(board)) as subject:
        listeners = [asyncio.ensure_future(collect(subject.events())) for _ in range(2)]
        await asyncio.sleep(0)
        board.input_mask = 0x01
        await asyncio.sleep(2)
    first, second = await asyncio.gather(*listeners)
    assert len(first) == 1
    assert first == second
    assert await collect(subject.events()) == []


async def collect(events: AsyncIterator[CabinetEvent]) -> list[CabinetEvent]:
    return [event async for event in events]


class SkippingPacer:
    """Waits ten times as long as told, as a simulator may when nothing can change."""

    async def wait(self, interval_s: float) -> int:
        await asyncio.sleep(interval_s * 10)
        return 9


async def test_a_pacer_may_skip_polls() -> None:
    async with (
        await Line.open("a", URL, opener=Wire(Board())) as line,
        Cabinet("A", config(D8), {"a": line}, pacer=SkippingPacer()) as subject,
    ):
        await asyncio.sleep(100)
        assert subject.polls in (9, 10)
        assert subject.polls_skipped == 9 * subject.polls
