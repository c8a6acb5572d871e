"""Reading a car that a session has reached: every value, each with its source or the reason why it is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from vehicle.adapter import Adapter
from vehicle.errors import (
    AdapterError,
    BusError,
    BusFault,
    LinkError,
    NoData,
    RequestRefused,
    TruncatedReply,
)
from vehicle.model import Absence, Codes, Reading, Telemetry
from vehicle.obd.dtc import decode_codes
from vehicle.obd.frames import UNNAMED, Answer
from vehicle.obd.pids import PIDS, MonitorStatus, decode_monitor_status, decode_supported, decode_vin
from vehicle.session import Session, ends_visit

T = TypeVar("T")
U = TypeVar("U")

ABSENCES: tuple[tuple[type[AdapterError | BusError], Absence], ...] = (
    (NoData, Absence.NO_DATA),
    (RequestRefused, Absence.REFUSED),
    (TruncatedReply, Absence.INCOMPLETE),
    (BusFault, Absence.BUS_FAULT),
    (AdapterError, Absence.ADAPTER_FAULT),
)
"""The reason a single value is missing, by the error that its request ended with."""

BITMAPS = (0x00, 0x20, 0x40, 0x60, 0x80, 0xA0)
ODOMETER, FUEL, MODULE_VOLTAGE, SINCE_CLEAR, CHARGE = 0xA6, 0x2F, 0x42, 0x31, 0x5B
MONITORS = "0101"
STORED, PENDING, PERMANENT = "03", "07", "0A"
STANDARD = "obd:any:none"
"""The source of what no request of the standard gives."""


class Visit:
    """Everything one visit reads, in the order of its worth.

    `silent` are the requests that nobody answered; those of earlier visits are not sent.
    """

    def __init__(self, session: Session, adapter: Adapter, silent: frozenset[str]) -> None:
        self._session = session
        self._adapter = adapter
        self._supported: dict[str, set[int]] = {}
        self._unread: dict[int, Absence] = {}
        self.silent: dict[str, None] = dict.fromkeys(sorted(silent))

    async def read(self, volts: float | None) -> Telemetry:
        """The telemetry; `volts` were measured at the socket. Raises what makes the whole visit fail."""
        await self._read_bitmaps()
        vin = await self._reading("0902", self._vin)
        odometer, fuel = await self._value(ODOMETER), await self._value(FUEL)
        charge = await self._value(CHARGE)
        module, since_clear = await self._value(MODULE_VOLTAGE), _whole(await self._value(SINCE_CLEAR))
        codes, monitors = await self._codes_and_monitors()
        return Telemetry(
            vin=vin,
            odometer_km=odometer,
            fuel_percent=fuel,
            control_module_v=module,
            adapter_v=_adapter_v(volts, _now()),
            stored_dtcs=codes.stored,
            pending_dtcs=codes.pending,
            permanent_dtcs=codes.permanent,
            distance_since_clear_km=since_clear,
            mil_on=_mapped(monitors, lambda found: any(each.mil for each in found)),
            monitors_incomplete=_mapped(monitors, _incomplete),
            charge_percent=charge,
            range_km=Reading.absent(Absence.NOT_SUPPORTED, STANDARD, _now()),
            plugged=Reading.absent(Absence.NOT_SUPPORTED, STANDARD, _now()),
        )

    async def codes(self) -> Codes:
        """The three lists of fault codes. Raises what makes the whole visit fail."""
        return (await self._codes_and_monitors())[0]

    async def codes_if_possible(self) -> Codes:
        """The same, absent with the reason where the way to the car has failed."""
        try:
            return await self.codes()
        except (AdapterError, BusError) as error:
            nothing: Reading[tuple[str, ...]] = Reading.absent(_absence(error), STANDARD, _now())
        except LinkError:
            nothing = Reading.absent(Absence.NO_DATA, STANDARD, _now())
        return Codes(nothing, nothing, nothing)

    async def _codes_and_monitors(self) -> tuple[Codes, Reading[tuple[MonitorStatus, ...]]]:
        """The stored codes are held against the control units' own count (PID 01): a line that was lost, or a whole
        answer, does not show in the list itself, and fewer codes than counted are no list."""
        stored = await self._reading(STORED, self._codes)
        monitors = await self._reading(MONITORS, _monitors)
        if stored.value is not None and monitors.value is not None:
            counted = sum(each.dtc_count for each in monitors.value)
            if len(stored.value) < counted:
                stored = Reading.absent(Absence.INCOMPLETE, stored.source, stored.at)
        pending = await self._reading(PENDING, self._codes)
        permanent = await self._reading(PERMANENT, self._codes)
        return Codes(_distinct(stored), _distinct(pending), _distinct(permanent)), monitors

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
            named = len(answer.messages) > 1 or answer.messages[0].ecu != UNNAMED
            for ecu in supporters:
                for message in answer.messages:
                    if message.ecu == ecu or not named:
                        data = message.payload[2:]
                        wrong = Absence.IMPLAUSIBLE if len(data) == row.size else Absence.INCOMPLETE
                        return row.decode(data), ecu, wrong
            return None, supporters[0], Absence.INCOMPLETE if answer.faults else Absence.NO_DATA

        return await self._reading(row.request, decode)

    async def _reading(
        self, request: str, decode: Callable[[Answer], tuple[T | None, str, Absence]]
    ) -> Reading[T]:
        """Ask, decode, and say why if there is nothing."""
        if request in self.silent:
            return Reading.absent(Absence.SILENT, f"obd:any:{request}", _now())
        try:
            answer = await self._session.ask(request)
        except (AdapterError, BusError) as error:
            if ends_visit(error, self._adapter):
                raise
            if isinstance(error, NoData):
                self.silent[request] = None
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


def unread(volts: float | None, at: float) -> Telemetry:
    """The telemetry of a car that was not asked, since its battery is low: the voltage alone."""
    nothing = Telemetry.absent(Absence.BATTERY_LOW, "guard", at)
    return replace(nothing, adapter_v=_adapter_v(volts, at))


def _adapter_v(volts: float | None, at: float) -> Reading[float]:
    if volts is None:
        return Reading.absent(Absence.NO_DATA, "adapter:ATRV", at)
    return Reading.of(volts, "adapter:ATRV", at)


def _monitors(answer: Answer) -> tuple[tuple[MonitorStatus, ...] | None, str, Absence]:
    found = [decode_monitor_status(message.payload[2:]) for message in answer.messages]
    ecus = ",".join(sorted({message.ecu for message in answer.messages}))
    return tuple(status for status in found if status is not None) or None, ecus, Absence.INCOMPLETE


def _incomplete(found: tuple[MonitorStatus, ...]) -> tuple[str, ...]:
    names = [each.name for status in found for each in status.monitors if not each.complete]
    return tuple(dict.fromkeys(names))


def _absence(error: AdapterError | BusError) -> Absence:
    return next(absence for kind, absence in ABSENCES if isinstance(error, kind))


def _mapped(reading: Reading[T], change: Callable[[T], U]) -> Reading[U]:
    """The same reading with another value, if it has one."""
    value = None if reading.value is None else change(reading.value)
    return Reading(value, reading.reason, reading.source, reading.at)


def _whole(reading: Reading[float]) -> Reading[int]:
    """The same reading as a whole number, which its formula makes it."""
    return _mapped(reading, int)


def _distinct(reading: Reading[tuple[str, ...]]) -> Reading[tuple[str, ...]]:
    """The same reading with each code once: several control units may store the same."""
    return _mapped(reading, lambda codes: tuple(dict.fromkeys(codes)))


def _now() -> float:
    return asyncio.get_running_loop().time()
