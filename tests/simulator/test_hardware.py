"""A station's simulated hardware behind the cabinets of `keycabinet`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from keycabinet.cabinet import Cabinet
from keycabinet.config import CabinetConfig
from keycabinet.errors import DangerousLinkage, WiringError
from keycabinet.line import Line
from keycabinet.model import BoardLost, BoardRecovered, DoorState, Presence, ReleaseOutcome
from keycabinet.transport import LineUrl
from simulator import virtual_time
from simulator.cabinets.board import Mode
from simulator.hardware import Endpoint, SimulatedHardware, StartMode
from simulator.world import Car, Door, World

FLASH = b"\x05\x02"
LINES = {
    "a": "serial:///dev/ttySIM0?baudrate=9600",
    "b": "modbus+tcp://127.0.0.1:5020",
    "c": "rtu+tcp://10.0.0.9:4001",
}


def config(*boards: dict[str, Any]) -> CabinetConfig:
    return CabinetConfig.model_validate({"boards": boards})


CABINETS = {
    "A": config(
        {"name": "a1", "line": "a", "address": 1, "profile": "waveshare-relay-d-8", "slots": "1-8"},
        {"name": "a2", "line": "a", "address": 2, "profile": "waveshare-io-8ch", "slots": "9-16"},
        {
            "name": "a3",
            "line": "a",
            "address": 3,
            "profile": "waveshare-io-8ch",
            "door_lock": 1,
            "door_contact": 1,
        }
        | {"lamps": "1-7@2"},
    ),
    "B": config({"name": "b1", "line": "b", "address": 1, "profile": "waveshare-relay-16", "locks": "1-16"}),
    "C": config(
        {
            "name": "c1",
            "line": "c",
            "address": 1,
            "profile": "waveshare-io-8ch",
            "slots": "1-4",
            "latches": "1-4@5",
        }
        | {"inverted": ["latches"]}
    ),
}
HOMES = {"s1": ("A", 1), "s2": ("A", 9), "s3": ("B", 1), "s4": ("C", 4), "s5": None}


def hardware(**options: Any) -> SimulatedHardware:
    return SimulatedHardware(
        **({"lines": LINES, "cabinets": CABINETS, "sets": HOMES, "cars": {"P1": Car("VIN1")}} | options)
    )


@asynccontextmanager
async def station(
    simulated: SimulatedHardware, mode: StartMode = "memory"
) -> AsyncIterator[dict[str, Cabinet]]:
    async with AsyncExitStack() as stack:
        await simulated.start(mode)
        stack.push_async_callback(simulated.stop)
        lines: dict[str, Line] = {}
        for name, url in simulated.urls.items():
            lines[name] = await Line.open(name, LineUrl.parse(url), opener=simulated.opener, exclusive=False)
            stack.push_async_callback(lines[name].close)
        cabinets = {}
        for name, each in CABINETS.items():
            cabinet = Cabinet(name, each, lines, pacer=simulated.pacer(name))
            cabinets[name] = await stack.enter_async_context(cabinet)
        yield cabinets


async def take_and_bring_back(world: World, cabinet: Cabinet) -> None:
    """What a person and a station do together at cabinet A."""
    assert cabinet.snapshot().slot(1).presence is Presence.PRESENT
    assert cabinet.snapshot().slot(2).presence is Presence.ABSENT
    assert cabinet.snapshot().door is DoorState.SHUT
    assert (await cabinet.open_door("d1")).outcome is ReleaseOutcome.CONFIRMED
    await asyncio.sleep(0.2)
    world.open_door("A")
    assert (await cabinet.open_slot(1, "r1")).outcome is ReleaseOutcome.CONFIRMED
    await asyncio.sleep(0.2)
    world.pull("s1")
    await asyncio.sleep(0.5)
    assert cabinet.snapshot().slot(1).presence is Presence.ABSENT
    assert cabinet.snapshot().door is DoorState.OPEN
    await cabinet.set_lamp(7, True)
    assert world.lamp("A", 7)
    world.put("s1", "A", 16)
    world.shut_door("A")
    await asyncio.sleep(0.5)
    assert cabinet.snapshot().slot(16).presence is Presence.PRESENT
    assert world.door("A") is Door.LOCKED
    assert world.pulses("A", 1) == 1


async def test_a_set_leaves_and_comes_home_in_memory() -> None:
    simulated = hardware(strict=True)
    async with station(simulated) as cabinets:
        await take_and_bring_back(simulated.world, cabinets["A"])
        assert (await cabinets["B"].open_slot(1, "r2")).outcome is ReleaseOutcome.CONFIRMED
        released = await cabinets["C"].open_slot(4, "r3")
        assert released.outcome is ReleaseOutcome.CONFIRMED
        await asyncio.sleep(0.2)
        simulated.world.pull("s3")
        simulated.world.pull("s4")
        await asyncio.sleep(0.5)
        assert cabinets["C"].snapshot().slot(4).presence is Presence.ABSENT
    assert [len(log.sent(FLASH)) for log in simulated.logs.values()] == [2, 1, 1]
    assert [log.silence_violations for log in simulated.logs.values()] == [0, 0, 0]


@pytest.mark.real_time
async def test_a_set_leaves_and_comes_home_over_a_pty_and_sockets() -> None:
    simulated = hardware(strict=True)
    async with station(simulated, "real") as cabinets:
        kinds = [endpoint.kind for endpoint in simulated.endpoints()]
        assert kinds == ["serial line (pty)", "Modbus TCP", "RTU over TCP"]
        assert simulated.urls["a"].startswith("serial:///dev/")
        await take_and_bring_back(simulated.world, cabinets["A"])
    assert simulated.logs["a"].silence_violations == 0
    assert len(simulated.logs["a"].sent(FLASH)) == 2


async def test_idle_polls_are_left_out_and_counted_and_nothing_is_missed() -> None:
    simulated = hardware()
    loop = asyncio.get_running_loop()
    async with station(simulated) as cabinets:
        cabinet = cabinets["A"]
        await asyncio.sleep(3600)
        requests = simulated.logs["a"].requests
        assert requests < 100
        simulated.world.override("s2")
        began = loop.time()
        await asyncio.sleep(1.5)
        assert cabinet.snapshot().slot(9).presence is Presence.ABSENT
        assert cabinet.snapshot().slot(9).since - began < 1.2
        assert 3590 < cabinet.polls + cabinet.polls_skipped < 3620
        assert cabinet.polls_skipped > 3500


async def test_skipping_can_be_switched_off() -> None:
    simulated = hardware(skip_idle_polls=False)
    async with station(simulated) as cabinets:
        await asyncio.sleep(100)
        assert cabinets["A"].polls >= 90
        assert cabinets["A"].polls_skipped == 0


async def test_a_board_without_supply_is_lost_and_comes_back() -> None:
    simulated = hardware()
    async with station(simulated) as cabinets:
        events = cabinets["A"].events()
        await asyncio.sleep(100)
        simulated.power("A", "a2", False)
        async with asyncio.timeout(10):
            lost = await anext(event async for event in events if isinstance(event, BoardLost))
        assert lost.board == "a2"
        assert cabinets["A"].snapshot().slot(9).presence is Presence.UNKNOWN
        assert cabinets["A"].snapshot().slot(1).presence is Presence.PRESENT
        await asyncio.sleep(500)
        simulated.power("A", "a2", True)
        async with asyncio.timeout(120):
            await anext(event async for event in events if isinstance(event, BoardRecovered))
        await asyncio.sleep(5)
        assert cabinets["A"].snapshot().slot(9).presence is Presence.PRESENT


@pytest.mark.parametrize("line", ["a", "b", "c"])
async def test_a_cut_line_is_reopened(line: str) -> None:
    simulated = hardware()
    async with station(simulated) as cabinets:
        await asyncio.sleep(50)
        simulated.cut(line)
        await asyncio.sleep(120)
        assert all(cabinet.snapshot().online for cabinet in cabinets.values())


async def test_a_board_whose_inputs_open_locks_does_so_and_is_refused() -> None:
    simulated = hardware()
    simulated.board("A", "a1").handle(bytes.fromhex("0610000001"))
    assert simulated.board("A", "a1").modes[0] is Mode.LINKAGE
    assert simulated.world.unlocked("A", 1) is False
    assert simulated.world.pulses("A", 1) == 1  # the set that hangs there holds its own lock open
    with pytest.raises(DangerousLinkage):
        async with station(simulated):
            pass


async def test_hardware_may_be_started_again_and_the_world_goes_on() -> None:
    simulated = hardware()
    async with station(simulated) as cabinets:
        await take_and_bring_back(simulated.world, cabinets["A"])
    assert simulated.endpoints() == ()
    async with station(simulated) as cabinets:
        assert cabinets["A"].snapshot().slot(16).presence is Presence.PRESENT


async def test_a_bolt_falls_back_in_time_without_anybody_looking() -> None:
    async with hardware() as simulated:
        simulated.board("A", "a1").handle(bytes.fromhex("0502000002"))
        await asyncio.sleep(60)
        assert [change.kind for change in simulated.world.log[-4:]] == [
            "coil_on",
            "unlocked",
            "coil_off",
            "locked",
        ]
        assert simulated.world.log[-1].at == pytest.approx(10.2)


async def test_lines_listen_where_the_site_says_when_asked() -> None:
    simulated = hardware()
    await simulated.start(site_ports=True)
    assert simulated.endpoints()[1] == Endpoint("b", "Modbus TCP", "modbus+tcp://127.0.0.1:5020")
    other = hardware()
    with pytest.raises(OSError, match="5020"):
        await other.start(site_ports=True)
    await simulated.stop()


async def test_terminals_are_started_with_the_rest_and_stopped_before_it() -> None:
    happened: list[str] = []

    class Terminals:
        radio_backends = ("client", "scanner")

        def __init__(self, world: World, described: Any) -> None:
            happened.append(f"made for {list(described)} of {list(world.cars)}")

        def endpoints(self) -> tuple[Endpoint, ...]:
            return (Endpoint("P1", "OBD adapter", "F0:F1:00:00:00:01"),)

        async def start(self) -> None:
            happened.append("started")

        async def stop(self) -> None:
            happened.append("stopped")

    async with hardware(terminals={"P1": object()}, terminal_factory=Terminals) as simulated:
        assert simulated.radio_backends == ("client", "scanner")
        assert [endpoint.name for endpoint in simulated.endpoints()] == ["a", "b", "c", "P1"]
    assert happened == ["made for ['P1'] of ['P1']", "started", "stopped"]


async def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(WiringError, match="nowhere"):
        hardware(
            cabinets={
                "Z": config({"line": "nowhere", "address": 1, "profile": "waveshare-io-8ch", "slots": "1-8"})
            }
        )
    with pytest.raises(KeyError, match="no board z9"):
        hardware().board("A", "z9")


def test_one_seed_gives_one_digest_and_a_reordering_another() -> None:
    def run(first: str, second: str) -> str:
        async def main() -> str:
            simulated = hardware(seed=5)
            async with station(simulated) as cabinets:
                await take_and_bring_back(simulated.world, cabinets["A"])
                simulated.world.override(first)
                simulated.world.override(second)
            return simulated.world.digest()

        return virtual_time.run(main(), seed=5)

    assert run("s2", "s3") == run("s2", "s3")
    assert run("s2", "s3") != run("s3", "s2")
