"""Two boards at one address: neither is believed or used, and whoever looks is told which address it is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from keycabinet import (
    Cabinet,
    CabinetConfig,
    CabinetEvent,
    Line,
    LineUrl,
    Presence,
    PresenceChanged,
    TwoBoardsAtAddress,
)
from keycabinet.inspection import Inspector
from keycabinet.model import ReleaseOutcome
from keycabinet.probing import survey
from simulator.cabinets import MemorySerial, Wire
from simulator.cabinets.frames import seal_rtu
from simulator.hardware import SimulatedHardware

URL = "serial:///dev/ttyS9?baudrate=19200"
BOARDS = {
    "waveshare-relay-d-8": (1, "1-8"),
    "eletechsup-n4d8b08": (2, "9-16"),
    "xor-8a-8": (3, "17-24"),
    "kerong-cu48-60": (4, "25-32"),
    "kerong-cu16": (5, "33-40"),
    "wkly-8": (6, "41-48"),
}
PROFILES = tuple(BOARDS)
Join = Callable[[bytes, bytes], bytes | None]


def config(*profiles: str) -> CabinetConfig:
    boards = [
        {"name": each, "line": "a", "address": BOARDS[each][0], "profile": each, "slots": BOARDS[each][1]}
        for each in profiles
    ]
    return CabinetConfig.model_validate({"boards": boards})


class Rig:
    """A cabinet on a line; `twin` lets a second board answer at one board's address, in some way."""

    def __init__(self, hardware: SimulatedHardware, line: Line, cabinet: Cabinet) -> None:
        self.hardware = hardware
        self.line = line
        self.cabinet = cabinet
        self.events: list[CabinetEvent] = []

    @property
    def wire(self) -> Wire:
        port = self.hardware.port("a")
        assert isinstance(port, MemorySerial)
        return port.wire

    def twin(self, profile: str, join: Join) -> Callable[[], None]:
        """The other one answers the same here; what it answers does not matter."""
        board = self.hardware.device("A", profile)

        def both(reply: bytes) -> bytes | None:
            return join(reply, reply) if board.said(reply) else reply

        self.wire.on_reply.append(both)
        return lambda: self.wire.on_reply.remove(both)

    def contested(self) -> list[TwoBoardsAtAddress]:
        return [each for each in self.events if isinstance(each, TwoBoardsAtAddress)]

    def online(self, profile: str) -> bool:
        return next(each.online for each in self.cabinet.boards() if each.board == profile)


@asynccontextmanager
async def rig(*profiles: str) -> AsyncIterator[Rig]:
    made = config(*profiles)
    hardware = SimulatedHardware(lines={"a": URL}, cabinets={"A": made})
    async with hardware:
        line = await Line.open("a", LineUrl.parse(URL), opener=hardware.opener)
        async with Cabinet("A", made, {"a": line}) as cabinet:
            found = Rig(hardware, line, cabinet)

            async def listen() -> None:
                async for event in cabinet.events():
                    found.events.append(event)

            listening = asyncio.create_task(listen())
            await asyncio.sleep(2)
            try:
                yield found
            finally:
                await cabinet.close()
                await listening
                await line.close()


def glued(reply: bytes, other: bytes) -> bytes:
    return reply + other


@pytest.mark.parametrize("profile", PROFILES)
async def test_two_answers_to_one_question(profile: str) -> None:
    other = PROFILES[0] if profile != PROFILES[0] else PROFILES[1]
    slot = int(BOARDS[profile][1].partition("-")[0])
    async with rig(profile, other) as found:
        gone = found.twin(profile, glued)
        await asyncio.sleep(15)
        (told,) = found.contested()
        assert (told.board, told.address, told.sure) == (profile, BOARDS[profile][0], True)
        assert f"two boards answer at address {told.address}" in told.error
        assert "give it an address of its own" in told.error
        assert not found.online(profile)
        assert found.online(other)
        assert found.cabinet.snapshot().slot(slot).presence is Presence.UNKNOWN
        release = await found.cabinet.open_slot(slot, "c-1")
        assert release.outcome is ReleaseOutcome.NOT_SENT
        assert "two boards answer" in str(release.reason)
        gone()
        await asyncio.sleep(45)
        assert found.online(profile)
        assert len(found.contested()) == 1


@pytest.mark.parametrize("first", [True, False])
async def test_two_answers_that_differ_are_never_believed(first: bool) -> None:
    """A set hangs in slot 1; the other board, which answers before or behind, says that nothing does."""
    async with rig("waveshare-relay-d-8") as found:
        found.hardware.world.add_set("k", "A", 1)
        await asyncio.sleep(3)
        assert found.cabinet.snapshot().slot(1).presence is Presence.PRESENT
        nothing = bytes.fromhex("02 01 00")

        def join(reply: bytes, _other: bytes) -> bytes:
            if reply[1] != 2:
                return reply
            return seal_rtu(1, nothing) + reply if first else reply + seal_rtu(1, nothing)

        found.twin("waveshare-relay-d-8", join)
        await asyncio.sleep(2.5)
        assert [each.sure for each in found.contested()] == [True]
        moves = [
            (each.slot, each.presence)
            for each in found.events
            if isinstance(each, PresenceChanged) and each.slot == 1
        ]
        assert moves == [(1, Presence.PRESENT), (1, Presence.UNKNOWN)]


async def test_an_answer_that_came_twice_once_is_believed() -> None:
    async with rig("waveshare-relay-d-8") as found:
        for _ in range(3):
            undo = found.twin("waveshare-relay-d-8", glued)
            await asyncio.sleep(1)
            undo()
            await asyncio.sleep(60)
        assert found.contested() == []
        assert found.line.stats.doubled_replies >= 3


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_second_answer_that_comes_later(profile: str) -> None:
    async with rig(profile) as found:

        def later(reply: bytes, other: bytes) -> bytes:
            asyncio.get_running_loop().call_later(0.03, found.wire.say, other)
            return reply

        found.twin(profile, later)
        await asyncio.sleep(15)
        assert [each.board for each in found.contested()] == [profile]


@pytest.mark.parametrize("profile", PROFILES)
async def test_answers_that_lie_over_each_other(profile: str) -> None:
    other = PROFILES[0] if profile != PROFILES[0] else PROFILES[1]
    async with rig(profile, other) as found:
        found.twin(
            profile, lambda reply, _other: reply[:2] + bytes(byte & 0x5A for byte in reply[2:-1]) + b"\x5b"
        )
        await asyncio.sleep(90)
        assert not found.online(profile)
        assert found.online(other)
        (told,) = found.contested()
        assert (told.board, told.address, told.sure) == (profile, BOARDS[profile][0], False)
        assert f"seem to answer at address {told.address}, or its cable is bad" in told.error


async def test_noise_that_meets_everybody_is_no_second_board() -> None:
    async with rig("waveshare-relay-d-8", "eletechsup-n4d8b08") as found:
        chance = random.Random(1)

        def noise(reply: bytes) -> bytes:
            return reply if chance.random() < 0.6 else bytes(byte ^ 0x10 for byte in reply)

        found.wire.on_reply.append(noise)
        await asyncio.sleep(900)
        assert found.contested() == []


async def test_a_slow_board_is_not_taken_for_two() -> None:
    """Its answer to the question before comes first, and then that to the next."""
    async with rig("waveshare-relay-d-8", "eletechsup-n4d8b08") as found:
        board = found.hardware.device("A", "waveshare-relay-d-8")
        turn = 0

        def slow() -> float:
            nonlocal turn
            turn += 1
            return 0.36 if turn % 3 == 0 else 0.05

        board.delays.append(slow)
        await asyncio.sleep(120)
        assert found.contested() == []


async def test_an_echo_is_not_taken_for_a_second_board() -> None:
    async with rig(*PROFILES) as found:
        found.wire.echoes.append(lambda: None)
        await asyncio.sleep(10)
        for slot in (1, 9, 17, 25, 33, 41):
            await found.cabinet.open_slot(slot, f"c-{slot}")
        await asyncio.sleep(10)
        assert found.contested() == []
        assert all(each.online for each in found.cabinet.boards())


@pytest.mark.parametrize("profile", PROFILES)
async def test_probe_names_the_address(profile: str) -> None:
    async with SimulatedHardware(lines={"a": URL}, cabinets={"A": config(profile)}) as hardware:
        port = hardware.port("a")
        assert isinstance(port, MemorySerial)
        port.wire.on_reply.append(lambda reply: reply + reply)
        made = await survey([LineUrl.parse(URL)], addresses=[BOARDS[profile][0]], opener=hardware.opener)
        address = BOARDS[profile][0]
        assert [each.address for each in made.strange if f"at address {address}" in each.text] == [address]
        assert made.sighted == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_check_live_names_the_address(profile: str) -> None:
    made = config(profile)
    async with SimulatedHardware(lines={"a": URL}, cabinets={"A": made}) as hardware:
        port = hardware.port("a")
        assert isinstance(port, MemorySerial)
        port.wire.on_reply.append(lambda reply: reply + reply)
        line = await Line.open("a", LineUrl.parse(URL), opener=hardware.opener)
        (finding,) = await Inspector({"A": made}, {"a": line}).devices()
        await line.close()
        assert not finding.ok
        assert f"two boards answer at address {BOARDS[profile][0]}" in finding.text
