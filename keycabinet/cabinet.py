"""`Cabinet`: slots over one or more boards. Opens, reads back, polls, and tells what moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from keycabinet.badges import BadgeWatch
from keycabinet.boards.base import PushingBoard, build_board
from keycabinet.coils import SINGLE, CoilGate
from keycabinet.config import CabinetConfig, resolve
from keycabinet.errors import (
    AddressTakenTwice,
    BoardRefused,
    CabinetClosed,
    KeyCabinetError,
    NotWired,
    UnknownSlot,
)
from keycabinet.events import EventHub
from keycabinet.exchange import Priority
from keycabinet.fobs import Fob
from keycabinet.identity import Identifier, build_fields
from keycabinet.line import Line
from keycabinet.model import (
    DOOR,
    BoardLost,
    BoardRecovered,
    BoardState,
    CabinetEvent,
    LatchState,
    Mains,
    Proof,
    Release,
    ReleaseOutcome,
    Sense,
    Sighting,
    SlotReleased,
    Snapshot,
    TwoBoardsAtAddress,
)
from keycabinet.monitor import BoardMonitor
from keycabinet.observed import Observed
from keycabinet.pacing import Pacer
from keycabinet.polling import EVERY_POLL, Poller
from keycabinet.release import Releaser, pulse_and_read_back, side_by_side
from keycabinet.wiring import Input, Output, SlotTable, SlotWiring

ATTEND_RELEASE_S = 10.0
"""How long to poll fast after something was opened."""
ATTEND_PUSH_S = 1.0
"""How long to poll fast after a board said by itself that something changed."""
MAX_SETTLING_READS = 5


class Cabinet:
    """One key cabinet. Lines are opened and closed by the caller, and may be shared with other cabinets."""

    def __init__(
        self, name: str, config: CabinetConfig, lines: Mapping[str, Line], *, pacer: Pacer | None = None
    ) -> None:
        """WiringError when the boards do not fit together or name a line that is not in `lines`."""
        self.name = name
        self.config = config
        wiring = resolve(name, config, {each: str(line.url) for each, line in lines.items()})
        self._slots = SlotTable(wiring.slots)
        self._wiring = replace(wiring, slots=self._slots)
        self._loop = asyncio.get_running_loop()
        self._hub = EventHub()
        self._monitors = {
            board.label: BoardMonitor(
                board.label,
                build_board(lines[board.line], board, f"{name}/{board.label}"),
                config.debounce_s,
                self,
            )
            for board in config.boards
        }
        self._observed = Observed(self._wiring, self._monitors, self._loop.time())
        at_sets, at_people = (
            build_fields(name, [each for each in config.readers if each.role == role], lines)
            for role in ("fobs", "badges")
        )
        publish = self._hub.publish
        self._identifier = Identifier(name, at_sets, publish, reread_s=config.reread_s)
        self._badges = BadgeWatch(name, at_people, publish)
        self._releaser = Releaser(f"cabinet {name}")
        self._coils: dict[str, CoilGate] = {}  # of boards that were asked to open something
        self._poller = Poller(
            name,
            tuple(self._monitors.values()),
            pacer or EVERY_POLL,
            idle_s=self._idle_s,
            active_s=config.poll_active_s,
            settle_s=config.debounce_s,
            busy=self._busy,
        )
        self._is_open = False
        for monitor in self._monitors.values():
            if isinstance(monitor.board, PushingBoard):
                monitor.board.notify(lambda: self.attend(ATTEND_PUSH_S))

    @property
    def senses(self) -> tuple[Sense, ...]:
        """What its wiring can observe."""
        return self._wiring.senses

    @property
    def proof(self) -> Proof:
        """The best proof that it can give of a key set leaving or coming home."""
        return self._wiring.proof

    @property
    def tells_presence(self) -> bool:
        """Whether any of its sensors says that a key set is there; latches alone only show that a slot was opened."""
        return self._wiring.tells_presence

    @property
    def polls(self) -> int:
        """Rounds of reading made."""
        return self._poller.polls

    @property
    def polls_skipped(self) -> int:
        """Rounds that its pacer left out because they could see no change."""
        return self._poller.skipped

    @property
    def on_battery(self) -> bool:
        """Whether an input says that the mains are lost; it is then polled slowly unless somebody attends."""
        return self._observed.power.mains is Mains.LOST

    def _busy(self) -> bool:
        return self._observed.open_or_unlocked and not self.on_battery

    def _idle_s(self) -> float:
        config = self.config
        return max(config.poll_idle_s, config.poll_battery_s) if self.on_battery else config.poll_idle_s

    @property
    def has_door(self) -> bool:
        """Whether it has a door of its own that can be opened by command."""
        return self._wiring.door_lock is not None

    @property
    def has_lamps(self) -> bool:
        """Whether any slot has a lamp."""
        return any(slot.lamp is not None for slot in self._wiring.slots)

    async def open(self) -> None:
        """Check every board, read every input, start polling.

        BoardRefused (UnsupportedBoard, DangerousLinkage) when a board must not be used. A board that does not answer
        is reported as BoardLost and checked when it comes back; until then its slots are unknown and cannot be opened.
        """
        await self._settle(Priority.COMMAND)
        for monitor in self._monitors.values():
            if isinstance(monitor.error, BoardRefused):
                raise monitor.error
        await self._identifier.open()
        self._is_open = True
        self._poller.start()
        self._identifier.start()
        self._badges.start()

    async def close(self) -> None:
        """Stop polling, let releases under way end, end every `events()`; may be called twice."""
        self._is_open = False
        await self._poller.stop()
        await self._identifier.close()
        await self._badges.close()
        await self._releaser.finish()
        self._hub.close()

    async def __aenter__(self) -> Cabinet:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _settle(self, priority: Priority) -> None:
        """Read every board, and again while an input is about to settle."""
        monitors = list(self._monitors.values())
        for reading in range(MAX_SETTLING_READS):
            if reading:
                await asyncio.sleep(self.config.debounce_s)
            await asyncio.gather(*(monitor.poll(priority) for monitor in monitors))
            monitors = [monitor for monitor in monitors if monitor.inputs.restless]
            if not monitors:
                return

    def snapshot(self) -> Snapshot:
        """The last known state, without asking the boards."""
        online = all(monitor.online for monitor in self._monitors.values())
        seen = self._observed
        return Snapshot(self.name, online, seen.door, seen.slots, self.proof, seen.power)

    def sighting(self, slot: int) -> Sighting | None:
        """The fobs that this slot's own reader last found; None without one, or while it does not answer."""
        return self._identifier.sighting(slot)

    @property
    def inventory(self) -> tuple[Fob, ...]:
        """The fobs that a reader of the whole cabinet last found."""
        return self._identifier.inventory

    def boards(self) -> tuple[BoardState, ...]:
        """How each board is, in the order of the site file."""
        return tuple(
            BoardState(
                label,
                monitor.online,
                monitor.identity.version if monitor.identity is not None else None,
                str(monitor.error) if monitor.error is not None else None,
            )
            for label, monitor in self._monitors.items()
        )

    def answers_for(self, slot: int) -> bool:
        """Whether every board answers that a release of this slot needs: its lock's, its sensors', the door's.

        UnknownSlot when there is no such slot.
        """
        wiring = self._slot(slot)
        wires = (wiring.lock, wiring.key, wiring.compartment, wiring.latch, self._wiring.door_lock)
        return all(self._monitors[wire.board].online for wire in wires if wire is not None)

    async def refresh(self) -> Snapshot:
        """Read everything now, before polls, until it has settled. Boards that do not answer leave `unknown`."""
        self._check_open()
        await self._settle(Priority.COMMAND)
        return self.snapshot()

    def events(self) -> AsyncIterator[CabinetEvent]:
        """Every event from this call on, in order; ends when the cabinet closes."""
        return self._hub.subscribe()

    def attend(self, seconds: float) -> None:
        """Poll as fast as `poll_active_s` and the wire allow for so long: somebody is at the cabinet."""
        self._poller.attend(seconds)

    async def open_slot(self, slot: int, command_id: str) -> Release:
        """Open one slot with one pulse and read back what came of it; the same id again answers the same.

        Raises UnknownSlot, NotWired, CommandReused, CabinetClosed. What goes wrong on the wire is in the outcome, for
        by then the lock may have moved. The pulse is given once even if this call is cancelled.
        """
        self._check_open()
        wiring, lock = self._locked(slot)
        return await self._release(slot, command_id, lock, wiring.latch)

    async def open_slots(self, slots: Sequence[int], command_id: str) -> tuple[Release, ...]:
        """Open many slots, those named first before the others; each is over with a SlotReleased event.

        No board has more than `coils_at_once` coils on (one, where the site file says nothing); boards go on side by
        side, and single releases go before. Slots whose turn has not come stay shut when this call is cancelled. The
        same id with the same slots answers the same. Raises as `open_slot`, then before anything is opened.
        """
        self._check_open()
        wanted = tuple(dict.fromkeys(slots))
        wired = [self._locked(slot) for slot in wanted]
        self._releaser.claim(command_id, wanted)
        done = 0

        async def one(rank: int, wiring: SlotWiring, lock: Output) -> Release:
            nonlocal done
            each = f"{command_id}/{wiring.slot}"
            release = await self._release(wiring.slot, each, lock, wiring.latch, rank)
            done += 1
            now = self._loop.time()
            self._hub.publish(
                SlotReleased(self.name, command_id, wiring.slot, release.outcome, done, len(wanted), now)
            )
            return release

        return await side_by_side(one(rank, *each) for rank, each in enumerate(wired, SINGLE + 1))

    async def open_door(self, command_id: str) -> Release:
        """Open the cabinet's own door, like `open_slot`; the Release's slot is 0."""
        self._check_open()
        lock = self._wiring.door_lock
        if lock is None:
            raise NotWired(f"cabinet {self.name}", "it has no door lock (door_lock in the site file)")
        return await self._release(DOOR, command_id, lock, None)

    async def _release(
        self, slot: int, command_id: str, lock: Output, latch: Input | None, rank: int = SINGLE
    ) -> Release:
        """One release. A single one is seen through from here on; one of many from when its coil may be on."""
        gate = self._coils.get(lock.board)
        if gate is None:
            gate = self._coils[lock.board] = CoilGate(self.config.coils_at_once)
        held = False
        if rank != SINGLE:
            await gate.take(rank)
            held = True

        async def work() -> Release:
            nonlocal held
            if not held:
                await gate.take(rank)
            held = False  # from here on this task gives it back
            on_s = self._monitors[lock.board].board.pulse_s
            try:
                outcome, reason = await self._pulse(lock, latch)
                on_s = 0.0 if outcome is ReleaseOutcome.NOT_SENT else on_s
            finally:
                gate.free(on_s)
            return Release(slot, command_id, outcome, reason)

        try:
            self._check_open()
            return await self._releaser.run(slot, command_id, work)
        finally:
            if held:
                gate.free()

    async def _pulse(self, lock: Output, latch: Input | None) -> tuple[ReleaseOutcome, str | None]:
        async def read_latch() -> LatchState:
            if latch is not None:
                await self._monitors[latch.board].poll(Priority.RELEASE)
            return self._observed.latch(latch)

        try:
            board = self._monitors[lock.board].require()
        except KeyCabinetError as error:
            return ReleaseOutcome.NOT_SENT, str(error)
        result = await pulse_and_read_back(board, lock.channel, read_latch if latch is not None else None)
        if result[0] is not ReleaseOutcome.NOT_SENT:
            self.attend(ATTEND_RELEASE_S)
        return result

    async def set_lamp(self, slot: int, on: bool) -> None:
        """Light a slot's lamp, or put it out. Raises UnknownSlot, NotWired, BoardUnverified, and errors of the line."""
        self._check_open()
        lamp = self._slot(slot).lamp
        if lamp is None:
            raise NotWired(f"cabinet {self.name}", f"slot {slot} has no lamp (lamps in the site file)")
        await self._monitors[lamp.board].require().switch(lamp.channel, on)

    async def set_buzzer(self, on: bool) -> None:
        """Sound the cabinet's buzzer, or end it. Raises NotWired, BoardUnverified, and errors of the line."""
        self._check_open()
        buzzer = self._wiring.buzzer
        if buzzer is None:
            raise NotWired(f"cabinet {self.name}", "it has no buzzer (buzzer in the site file)")
        await self._monitors[buzzer.board].require().switch(buzzer.channel, on)

    def _locked(self, slot: int) -> tuple[SlotWiring, Output]:
        """A slot and its own lock."""
        wiring = self._slot(slot)
        if wiring.lock is None:
            raise NotWired(
                f"cabinet {self.name}", f"slot {slot} has no lock of its own; open the cabinet's door"
            )
        return wiring, wiring.lock

    def _slot(self, slot: int) -> SlotWiring:
        try:
            return self._slots.numbered(slot)
        except KeyError:
            known = f"{self._slots[0].slot} to {self._slots[-1].slot}" if self._slots else "none"
            raise UnknownSlot(f"cabinet {self.name}", f"no slot {slot}; its slots: {known}") from None

    def _check_open(self) -> None:
        if not self._is_open:
            raise CabinetClosed(f"cabinet {self.name}", "it is not open; call open() first")

    def inputs_changed(self, monitor: BoardMonitor) -> None:
        """A board's settled inputs differ (called by its monitor)."""
        self._observed.update(monitor.label, self._loop.time(), self._tell)

    def _tell(self, event: CabinetEvent) -> None:
        """Pass an observation on; before it is open there is nobody to tell, and every reader is asked anyway."""
        if self._is_open:
            self._identifier.told(event)
        else:
            self._hub.publish(event)

    def board_lost(self, monitor: BoardMonitor, error: KeyCabinetError) -> None:
        """A board stopped answering (called by its monitor)."""
        self._hub.publish(BoardLost(self.name, monitor.label, str(error), self._loop.time()))

    def address_contested(self, monitor: BoardMonitor, error: AddressTakenTwice) -> None:
        """Another board answers at a board's address (called by its monitor)."""
        now = self._loop.time()
        self._hub.publish(
            TwoBoardsAtAddress(self.name, monitor.label, error.address, error.sure, str(error), now)
        )

    def board_recovered(self, monitor: BoardMonitor) -> None:
        """A board answers again (called by its monitor)."""
        self._hub.publish(BoardRecovered(self.name, monitor.label, self._loop.time()))
