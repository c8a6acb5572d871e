"""A car read through an ELM327-compatible adapter. Tried against simulated adapters, never on hardware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from vehicle.adapter import Adapter, Limits
from vehicle.config import TerminalConfig
from vehicle.errors import (
    AdapterError,
    AdapterReset,
    AdapterTimeout,
    BusError,
    BusFault,
    ConnectionDropped,
    NoData,
    NotAnAdapter,
    RequestRefused,
    TruncatedReply,
)
from vehicle.link import Link, RadioPort
from vehicle.model import Absence, Capability, Reading, Telemetry
from vehicle.obd.dtc import decode_codes
from vehicle.obd.frames import Answer
from vehicle.obd.pids import PIDS, decode_monitor_status, decode_supported, decode_vin
from vehicle.session import Session, ends_visit, identify
from vehicle.terminal import Terminal

T = TypeVar("T")

ABSENCES: tuple[tuple[type[AdapterError | BusError], Absence], ...] = (
    (NoData, Absence.NO_DATA),
    (RequestRefused, Absence.REFUSED),
    (TruncatedReply, Absence.INCOMPLETE),
    (BusFault, Absence.BUS_FAULT),
    (AdapterError, Absence.ADAPTER_FAULT),
)
"""The reason a single value is missing, by the error that its request ended with."""

BITMAPS = (0x00, 0x20, 0x40, 0x60, 0x80, 0xA0)
ODOMETER, FUEL, MODULE_VOLTAGE, SINCE_CLEAR = 0xA6, 0x2F, 0x42, 0x31


class ObdTerminal(Terminal):
    """An adapter that is visited: connect, read, disconnect, since a connected adapter keeps the car awake.

    Reads of one terminal take turns; terminals do not wait for each other. The OBD protocol found is
    remembered and tried first on the next visit.
    """

    def __init__(
        self, name: str, config: TerminalConfig, radio: RadioPort, limits: Limits | None = None
    ) -> None:
        if config.address is None:
            raise ValueError("an obd terminal needs an address")
        super().__init__(name)
        self._config = config
        self._address = config.address
        self._radio = radio
        self._limits = limits or Limits()
        self._turn = asyncio.Lock()
        self._closed = False
        self._known = False
        self._protocol: str | None = config.protocol

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """Reads telemetry."""
        return (Capability.READ_TELEMETRY,)

    async def read_telemetry(self) -> Telemetry:
        """Visit the car once; a visit that an adapter spoils by resetting or hanging is made once more."""
        async with self._turn:
            try:
                return await self._visit()
            except (AdapterReset, AdapterTimeout):
                return await self._visit()

    async def close(self) -> None:
        """No visit begins afterwards; the one under way ends first."""
        self._closed = True
        async with self._turn:
            pass

    async def _visit(self) -> Telemetry:
        if self._closed:
            raise ConnectionDropped(self.name, "the terminal was closed")
        link = await self._radio.connect(
            self.name, self._address, find_s=self._config.find_s, connect_s=self._config.connect_s
        )
        try:
            adapter = await self._identify(link)
            session = Session(adapter, self._limits)
            await session.set_up(self._protocol)
            self._protocol = session.protocol
            return await Visit(session, adapter).read()
        finally:
            await link.close()

    async def _identify(self, link: Link) -> Adapter:
        """Ask on each profile that the device offers who it is, and keep to the one that answers rightly."""
        pinned = self._config.profile
        offered = [profile for profile in link.profiles if pinned in (None, profile.name)]
        for profile in offered:
            adapter = Adapter(self.name, link, self._limits)
            await adapter.open(profile)
            if await identify(adapter, self._limits) is not None:
                self._known = True
                return adapter
            await link.unsubscribe()
        if self._known:
            raise AdapterTimeout(self.name, "it does not say who it is any more")
        asked = ", ".join(profile.name for profile in offered) or "no known profile"
        raise NotAnAdapter(self.name, f"{asked}: no ELM327 answered")


class Visit:
    """Everything one visit reads, in the order of its worth."""

    def __init__(self, session: Session, adapter: Adapter) -> None:
        self._session = session
        self._adapter = adapter
        self._supported: dict[str, set[int]] = {}
        self._unread: dict[int, Absence] = {}

    async def read(self) -> Telemetry:
        """The telemetry. Raises what makes the whole visit fail."""
        await self._read_bitmaps()
        return Telemetry(
            vin=await self._reading("0902", self._vin),
            odometer_km=await self._value(ODOMETER),
            fuel_percent=await self._value(FUEL),
            control_module_v=await self._value(MODULE_VOLTAGE),
            distance_since_clear_km=_whole(await self._value(SINCE_CLEAR)),
            stored_dtcs=_distinct(await self._stored_codes()),
            pending_dtcs=_distinct(await self._reading("07", self._codes)),
            adapter_v=await self._adapter_voltage(),
        )

    async def _read_bitmaps(self) -> None:
        """Which control unit supports what. The first bitmap must come; a later one may be missing."""
        for base in BITMAPS:
            if base and not any(base in supported for supported in self._supported.values()):
                return
            try:
                answer = await self._session.ask(f"01{base:02X}")
            except (AdapterError, BusError) as error:
                if base == 0 or ends_visit(error, self._adapter):
                    raise
                self._unread[base] = _absence(error)
                return
            for message in answer.messages:
                supported = decode_supported(base, message.payload[2:])
                if supported is None:
                    self._unread[base] = Absence.INCOMPLETE
                else:
                    self._supported.setdefault(message.ecu, set()).update(supported)

    async def _value(self, pid: int) -> Reading[float]:
        """One value of service 01, from the first control unit that says it supports it."""
        row = PIDS[pid]
        supporters = sorted(ecu for ecu, supported in self._supported.items() if pid in supported)
        if not supporters:
            block = next((base for base in self._unread if base < pid), None)
            reason = Absence.NOT_SUPPORTED if block is None else self._unread[block]
            return Reading.absent(reason, f"obd:any:{row.request}", _now())

        def decode(answer: Answer) -> tuple[float | None, str, Absence]:
            for ecu in supporters:
                for message in answer.messages:
                    if message.ecu == ecu:
                        data = message.payload[2:]
                        wrong = Absence.IMPLAUSIBLE if len(data) == row.size else Absence.INCOMPLETE
                        return row.decode(data), ecu, wrong
            return None, supporters[0], Absence.INCOMPLETE if answer.faults else Absence.NO_DATA

        return await self._reading(row.request, decode)

    async def _reading(
        self, request: str, decode: Callable[[Answer], tuple[T | None, str, Absence]]
    ) -> Reading[T]:
        """Ask, decode, and say why if there is nothing."""
        try:
            answer = await self._session.ask(request)
        except (AdapterError, BusError) as error:
            if ends_visit(error, self._adapter):
                raise
            return Reading.absent(_absence(error), f"obd:any:{request}", _now())
        value, ecu, reason = decode(answer)
        source = f"obd:{ecu}:{request}"
        if value is None:
            return Reading.absent(reason, source, _now())
        return Reading.of(value, source, _now())

    def _vin(self, answer: Answer) -> tuple[str | None, str, Absence]:
        for message in sorted(answer.messages, key=lambda message: message.ecu):
            vin = decode_vin(message.payload[3:])
            if vin is not None:
                return vin, message.ecu, Absence.IMPLAUSIBLE
        return None, answer.messages[0].ecu, Absence.IMPLAUSIBLE

    async def _stored_codes(self) -> Reading[tuple[str, ...]]:
        """The stored codes, held against the control units' own count (PID 01): a line that was lost, or a whole
        answer, does not show in the list itself, and fewer codes than counted are no list."""
        read = await self._reading("03", self._codes)
        if read.value is None:
            return read
        counted = await self._reading("0101", _count_codes)
        if counted.value is not None and len(read.value) < counted.value:
            return Reading.absent(Absence.INCOMPLETE, read.source, read.at)
        return read

    def _codes(self, answer: Answer) -> tuple[tuple[str, ...] | None, str, Absence]:
        """The codes of all control units. With one of them unread the list would look complete and not be."""
        ecus = ",".join(sorted({message.ecu for message in answer.messages}))
        codes: list[str] = []
        for message in sorted(answer.messages, key=lambda message: message.ecu):
            decoded = decode_codes(message.payload, counted=self._session.on_can)
            if decoded is None:
                return None, ecus, Absence.INCOMPLETE
            codes.extend(decoded)
        if answer.faults or answer.waiting:
            return None, ecus, Absence.INCOMPLETE
        return tuple(codes), ecus, Absence.INCOMPLETE

    async def _adapter_voltage(self) -> Reading[float]:
        try:
            voltage = await self._session.voltage()
        except AdapterError as error:
            if ends_visit(error, self._adapter):
                raise
            return Reading.absent(_absence(error), "adapter:ATRV", _now())
        if voltage is None:
            return Reading.absent(Absence.NO_DATA, "adapter:ATRV", _now())
        return Reading.of(voltage, "adapter:ATRV", _now())


def _count_codes(answer: Answer) -> tuple[int | None, str, Absence]:
    statuses = [decode_monitor_status(message.payload[2:]) for message in answer.messages]
    count = sum(status.dtc_count for status in statuses if status is not None)
    return count, answer.messages[0].ecu, Absence.INCOMPLETE


def _absence(error: AdapterError | BusError) -> Absence:
    return next(absence for kind, absence in ABSENCES if isinstance(error, kind))


def _whole(reading: Reading[float]) -> Reading[int]:
    """The same reading as a whole number, which its formula makes it."""
    value = None if reading.value is None else int(reading.value)
    return Reading(value, reading.reason, reading.source, reading.at)


def _distinct(reading: Reading[tuple[str, ...]]) -> Reading[tuple[str, ...]]:
    """The same reading with each code once: several control units may store the same."""
    value = None if reading.value is None else tuple(dict.fromkeys(reading.value))
    return Reading(value, reading.reason, reading.source, reading.at)


def _now() -> float:
    return asyncio.get_running_loop().time()
