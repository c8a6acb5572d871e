"""A vehicle with a sealed terminal over every radio, and what becomes of orders when the link fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from bluez_rig import on_dbus
from sealed_bench import CAR, FLEET, HOLDER, HOUR, OTHER_TERMINAL, SECRET, T0, TERMINAL, BenchCar

from simulator.terminals import MemoryRadio, TerminalPark
from simulator.terminals.sealed import ADVERTISED, SealedDevice
from simulator.terminals.sealed_car import FittedCar
from vehicle import (
    Action,
    ActionOrder,
    ActionOutcome,
    ActionResult,
    Capability,
    TerminalConfig,
    VehicleState,
    open_terminal,
)
from vehicle.ble import Radio
from vehicle.errors import NoGrant, NotTheTerminal, OutOfRange, SealedRefused
from vehicle.link import RadioPort
from vehicle.sealed.access import Papers
from vehicle.sealed.codes import Code, Right
from vehicle.sealed.enrolment import Assignment, enrol
from vehicle.sealed.framing import FrameType, encode_frame
from vehicle.sealed.grant import Grant, issue
from vehicle.sealed.keys import PrivateKey
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import Revocations, TimeTicket, revoke, tell_time
from vehicle.sealed.terminal import SealedTerminal
from vehicle.terminal import Terminal

ADDRESS = "F0:F1:F2:F3:F4:F5"
RADIOS = [
    pytest.param("bumble"),
    pytest.param("memory"),
    pytest.param("dbus", marks=[pytest.mark.real_time, pytest.mark.peer]),
]
LOCK, UNLOCK = ActionOrder(Action.LOCK, "cmd-lock"), ActionOrder(Action.UNLOCK, "cmd-unlock")
IMMOBILISE, MOBILISE = ActionOrder(Action.IMMOBILISE, "cmd-im"), ActionOrder(Action.MOBILISE, "cmd-mo")
ALL = Right.READ | Right.LOCK | Right.UNLOCK | Right.IMMOBILISE | Right.MOBILISE


def grant(rights: Right = ALL, *, ends: int = T0 + HOUR, number: int = 5, vehicle: str = CAR) -> bytes:
    return issue(Grant(vehicle, HOLDER.public, rights, T0 - 60, ends, T0 - 60, number), FLEET)


@dataclass
class Rig:
    """A car within hearing. `on_bytes` sees every piece that reaches the terminal, and may act."""

    radio: RadioPort
    car: FittedCar
    truth: BenchCar
    device: SealedDevice
    drop: Callable[[], None]

    def terminal(self, held: bytes | None = None, *, key: PrivateKey = TERMINAL) -> SealedTerminal:
        config = TerminalConfig(kind="sealed", address=ADDRESS, key=key.public.hex, find_s=3.0)
        papers = Papers(HOLDER, grant() if held is None else held)
        opened: Terminal = open_terminal(config, self.radio, name=CAR, access=papers)
        assert isinstance(opened, SealedTerminal)
        return opened


@asynccontextmanager
async def rig(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    mtu: int = 185,
    device: type[SealedDevice] = SealedDevice,
) -> AsyncIterator[Rig]:
    truth = BenchCar()
    car = FittedCar(truth)
    loop = asyncio.get_running_loop()
    began = loop.time()
    made = device(
        car,
        TERMINAL,
        secret=SECRET,
        rtc=lambda: T0 + int(loop.time() - began),
        random_bytes=lambda size: bytes(range(size)),
    )
    made.enrol(FLEET.public, CAR, T0, immobilisable=True)
    if kind == "memory":
        memory = MemoryRadio()
        memory.add_device(made, ADDRESS, "sealed", mtu=mtu, reachable=lambda: truth.in_range)

        def drop() -> None:
            link = memory.on_air(ADDRESS).link
            assert link is not None
            link.drop()

        yield Rig(memory, car, truth, made, drop)
        return
    park = TerminalPark()
    park.add_device(made, ADDRESS, "sealed", name=ADVERTISED, mtu=mtu, reachable=lambda: truth.in_range)
    async with AsyncExitStack() as stack:
        if kind == "dbus":
            await stack.enter_async_context(on_dbus(park, monkeypatch))
            radio = Radio()
        else:
            await stack.enter_async_context(park)
            radio = Radio(park.client_backend, park.scanner_backend)
        yield Rig(radio, car, truth, made, lambda: park.drop(ADDRESS))
        await radio.close()


def outcomes(results: tuple[ActionResult, ...]) -> list[tuple[str, str | None]]:
    return [(result.outcome, result.reason) for result in results]


@pytest.mark.parametrize("kind", RADIOS)
class TestOverEveryRadio:
    @pytest.mark.parametrize("mtu", [23, 185])
    async def test_reads(self, kind: str, mtu: int, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig(kind, monkeypatch, mtu=mtu) as here:
            read = await here.terminal().read_telemetry()
            assert read.vin.value == here.truth.vin
            assert read.odometer_km.value == here.truth.odometer_km
            assert read.fuel_percent.value == here.truth.fuel_percent
            assert read.stored_dtcs.value == here.truth.stored_dtcs
            assert read.odometer_km.source == "sealed"
            assert read.range_km.reason == "not supported by this vehicle"

    async def test_moves(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig(kind, monkeypatch) as here:
            terminal = here.terminal()
            assert Capability.MOBILISE in terminal.capabilities
            immobilised, unlocked = await terminal.perform(IMMOBILISE, UNLOCK)
            assert (immobilised.outcome, immobilised.state.effective) == ("confirmed", "blocked")
            assert (unlocked.outcome, unlocked.state.doors) == ("confirmed", "unlocked")
            assert await terminal.read_state() == VehicleState("unlocked", "blocked", "blocked")
            assert here.car.blocked
            assert not here.car.locked
            assert outcomes(await terminal.perform(MOBILISE, LOCK)) == [("confirmed", None)] * 2
            assert not here.car.blocked
            assert here.car.locked

    async def test_an_absent_car(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig(kind, monkeypatch) as here:
            here.truth.in_range = False
            config = TerminalConfig(kind="sealed", address=ADDRESS, key=TERMINAL.public.hex, find_s=0.3)
            terminal = SealedTerminal(CAR, config, here.radio, Papers(HOLDER, grant()))
            assert outcomes(await terminal.perform(LOCK)) == [("not_sent", "out_of_range")]
            with pytest.raises(OutOfRange):
                await terminal.read_telemetry()

    async def test_another_terminal_at_the_address(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig(kind, monkeypatch) as here:
            terminal = here.terminal(key=OTHER_TERMINAL)
            assert outcomes(await terminal.perform(UNLOCK)) == [("not_sent", "not_the_terminal")]
            with pytest.raises(NotTheTerminal):
                await terminal.read_telemetry()
            assert Code.HANDSHAKE_ABANDONED in [entry.code for entry in here.device.log.entries]

    async def test_pulled_out_and_back(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig(kind, monkeypatch) as here:
            terminal = here.terminal()
            reading = asyncio.create_task(terminal.read_telemetry())
            while here.device.session is None and not reading.done():
                await asyncio.sleep(0.005)
            here.drop()
            with pytest.raises(Exception, match="P-112: the connection was lost"):
                await reading
            assert (await terminal.read_telemetry()).vin.known


class Losing(SealedDevice):
    """Loses its answer to an action: `before` it is executed, or after."""

    drop: Callable[[], None] = staticmethod(lambda: None)
    losses = 0
    executes = True

    def take(self, now: float) -> bytes:
        data = super().take(now)
        acted = self.session is not None and self.session.opener.next >= 3
        if data and acted and self.losses:
            self.losses -= 1
            asyncio.get_running_loop().call_soon(self.drop)
            return b""
        return data

    def receive(self, data: bytes, now: float) -> None:
        acts = self.session is not None and self.session.opener.next == 2
        if acts and self.losses and not self.executes:
            self.losses -= 1
            asyncio.get_running_loop().call_soon(self.drop)
            return
        super().receive(data, now)


@asynccontextmanager
async def losing(monkeypatch: pytest.MonkeyPatch, losses: int, *, executes: bool) -> AsyncIterator[Rig]:
    async with rig("memory", monkeypatch, device=Losing) as here:
        assert isinstance(here.device, Losing)
        here.device.drop, here.device.losses, here.device.executes = here.drop, losses, executes
        yield here


class TestOutcomes:
    async def test_a_lost_answer_is_settled_by_asking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with losing(monkeypatch, 1, executes=True) as here:
            assert outcomes(await here.terminal().perform(UNLOCK)) == [("confirmed", None)]
            assert here.car.pulses == 1

    async def test_a_lost_command_is_sent_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with losing(monkeypatch, 1, executes=False) as here:
            assert outcomes(await here.terminal().perform(UNLOCK)) == [("confirmed", None)]
            assert here.car.pulses == 1

    async def test_what_cannot_be_settled_is_unconfirmed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with losing(monkeypatch, 9, executes=True) as here:
            result, later = await here.terminal().perform(UNLOCK, LOCK)
            assert (result.outcome, result.reason) == ("accepted_unconfirmed", "connection_dropped")
            assert (later.outcome, later.reason) == ("not_sent", "connection_dropped")
            assert here.car.pulses == 1
            here.device.losses = 0  # type: ignore[attr-defined]
            assert outcomes(await here.terminal().perform(UNLOCK)) == [("confirmed", None)]
            assert here.car.pulses == 1

    async def test_an_order_that_expired_is_not_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig("memory", monkeypatch) as here:
            late = ActionOrder(Action.UNLOCK, "cmd-late", expires_in_s=0.2)
            assert outcomes(await here.terminal().perform(late)) == [("not_sent", "expired")]
            assert here.car.locked

    async def test_an_order_that_expired_while_it_waited_for_its_turn_makes_no_visit(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with rig("memory", monkeypatch) as here:
            here.truth.in_range = False
            terminal, late = here.terminal(), ActionOrder(Action.UNLOCK, "cmd-late", expires_in_s=0.2)
            reading = asyncio.create_task(terminal.read_telemetry())
            await asyncio.sleep(0)
            assert outcomes(await terminal.perform(late)) == [("not_sent", "expired")]
            with pytest.raises(OutOfRange):
                reading.result()

    async def test_rights_and_dates_are_the_terminals_to_judge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig("memory", monkeypatch) as here:
            drives = here.terminal(grant(Right.LOCK))
            assert outcomes(await drives.perform(LOCK, UNLOCK)) == [
                ("confirmed", None),
                ("rejected", "right_missing"),
            ]
            ended = here.terminal(grant(ends=T0 - 1))
            assert outcomes(await ended.perform(UNLOCK)) == [("rejected", "grant_expired")]
            with pytest.raises(SealedRefused, match="grant_vehicle"):
                await here.terminal(grant(vehicle="P-113")).read_telemetry()

    async def test_immobilising_waits_for_standstill(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig("memory", monkeypatch) as here:
            here.truth.engine_on, here.car.speed_kmh = True, 50.0
            (result,) = await here.terminal().perform(IMMOBILISE)
            assert (result.outcome, result.reason) == (ActionOutcome.ACCEPTED_UNCONFIRMED, "not_sensed")
            assert (result.state.ordered, result.state.effective) == ("blocked", "allowed")
            here.truth.engine_on, here.car.speed_kmh = False, 0.0
            measured = await here.terminal().read()
            assert measured.state.effective is not None
            assert measured.state.effective.name == "BLOCKED"

    @pytest.mark.parametrize(
        ("follow", "senses", "expected"),
        [
            (False, True, ("rejected", "actuator_failed")),
            (True, False, ("accepted_unconfirmed", "not_sensed")),
        ],
    )
    async def test_locks_that_do_not_follow_or_are_not_sensed(
        self, follow: bool, senses: bool, expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with rig("memory", monkeypatch) as here:
            here.car.locks_follow, here.car.senses = follow, senses
            assert outcomes(await here.terminal().perform(UNLOCK)) == [expected]

    async def test_a_list_and_the_time_come_along(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Station(Papers):
            async def time_ticket(self, nonce: bytes) -> bytes | None:
                return tell_time(TimeTicket(nonce, T0 + 10), FLEET)

        async with rig("memory", monkeypatch) as here:
            here.device.power_cycle(clock_kept=False)
            config = TerminalConfig(kind="sealed", address=ADDRESS, key=TERMINAL.public.hex)
            listed = revoke(Revocations(3, T0, grants=(99,)), FLEET)
            offline = SealedTerminal(CAR, config, here.radio, Papers(HOLDER, grant(), listed, 3))
            assert outcomes(await offline.perform(UNLOCK)) == [("rejected", "clock_unsure")]
            online = SealedTerminal(CAR, config, here.radio, Station(HOLDER, grant()))
            assert outcomes(await online.perform(UNLOCK)) == [("confirmed", None)]
            assert here.device.memory.revocations.grants == (99,)

    async def test_no_access_and_no_grant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        config = TerminalConfig(kind="sealed", address=ADDRESS, key=TERMINAL.public.hex)
        with pytest.raises(NoGrant):
            open_terminal(config, MemoryRadio(), name=CAR)
        async with rig("memory", monkeypatch) as here:
            terminal = SealedTerminal(CAR, config, here.radio, Papers(HOLDER))
            assert outcomes(await terminal.perform(LOCK)) == [("not_sent", "no_grant")]
            await terminal.close()
            assert outcomes(await terminal.perform(LOCK)) == [("not_sent", "connection_dropped")]

    async def test_an_error_in_the_clear_is_hearsay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Jammed(SealedDevice):
            """Somebody answers commands in the terminal's place, in the clear."""

            def take(self, now: float) -> bytes:
                data = super().take(now)
                acted = self.session is not None and self.session.opener.next >= 3
                return encode_frame(FrameType.ERROR, bytes([Code.RIGHT_MISSING])) if data and acted else data

        async with rig("memory", monkeypatch, device=Jammed) as here:
            assert outcomes(await here.terminal().perform(UNLOCK)) == [
                ("accepted_unconfirmed", "sealed_broken")
            ]


def test_the_advertisement_tells_nothing() -> None:
    truth = BenchCar()
    for told in (truth.vin, CAR):
        assert told not in ADVERTISED


class TestEnrolment:
    """From the factory to the fleet, over the radio."""

    async def test_the_label_and_the_button(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wish = Assignment(FLEET.public, CAR, immobilisable=False, now=T0)
        async with rig("memory", monkeypatch) as here:
            here.device.factory_reset()
            label = here.device.label
            with pytest.raises(NotTheTerminal, match="button"):
                await enrol(here.radio, ADDRESS, label, HOLDER, wish)
            here.device.press_button(asyncio.get_running_loop().time())
            wrong = Label(OTHER_TERMINAL.public.thumbprint[:10], label.secret)
            with pytest.raises(NotTheTerminal, match="label"):
                await enrol(here.radio, ADDRESS, wrong, HOLDER, wish)
            with pytest.raises(SealedRefused, match="enrol_secret"):
                await enrol(here.radio, ADDRESS, Label(label.fingerprint, bytes(10)), HOLDER, wish)
            assert await enrol(here.radio, ADDRESS, label, HOLDER, wish) == TERMINAL.public
            with pytest.raises(NotTheTerminal):
                await enrol(here.radio, ADDRESS, label, HOLDER, wish)
            assert outcomes(await here.terminal().perform(IMMOBILISE)) == [("rejected", "class_forbids")]
            assert outcomes(await here.terminal().perform(UNLOCK)) == [("confirmed", None)]

    async def test_a_terminal_of_a_fleet_wants_a_grant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with rig("memory", monkeypatch) as here:
            for held, refused in ((None, "grant_missing"), (grant(Right.ENROL), None)):
                here.device.press_button(asyncio.get_running_loop().time())
                wish = Assignment(FLEET.public, CAR, immobilisable=True, now=T0, grant=held)
                work = enrol(here.radio, ADDRESS, here.device.label, HOLDER, wish)
                if refused is None:
                    assert await work == TERMINAL.public
                    continue
                with pytest.raises(SealedRefused, match=refused):
                    await work


async def test_from_the_key_set_taken_to_the_car_mobilised(monkeypatch: pytest.MonkeyPatch) -> None:
    """One visit, mobilise and unlock, at the memory radio's 30 ms connection interval."""
    async with rig("memory", monkeypatch) as here:
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert outcomes(await here.terminal().perform(MOBILISE, UNLOCK)) == [("confirmed", None)] * 2
        assert loop.time() - start < 1.5
