"""Service 01 of SAE J1979 as a table: which bytes mean what, in which unit.

Every formula is linear: value = raw x numerator / denominator + offset, where raw is an unsigned or two's complement
big-endian number of some bytes of the answer. What is not a number has a form of its own. Left out are parameters
of which two public descriptions disagree about the length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

J1979 = "SAE J1979 / ISO 15031-5, Annex B"
J1979_DA = "SAE J1979-DA, Annex B"


class Form(Enum):
    """What the bytes of a parameter are."""

    NUMBER = "numbers"
    BITMAP = "bits for the 32 parameters that follow"
    MONITORS = "state of the self-tests"
    CODE = "one trouble code"
    WORD = "numbers that stand for words"
    BITS = "bits"


@dataclass(frozen=True, slots=True)
class Field:
    """One number within an answer: `size` bytes from byte `at` on. `most` is the largest plausible value."""

    name: str
    unit: str
    size: int = 1
    at: int = 0
    numerator: int = 1
    denominator: int = 1
    offset: int = 0
    signed: bool = False
    most: float | None = None

    @property
    def formula(self) -> str:
        """The formula in words, for documents."""
        text = "signed raw" if self.signed else "raw"
        if self.numerator != 1:
            text += f" * {self.numerator}"
        if self.denominator != 1:
            text += f" / {self.denominator}"
        return text + (f" {self.offset:+d}" if self.offset else "")

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value that the bytes can give."""
        bits = 8 * self.size
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)
        largest = self._scaled(high)
        return self._scaled(low), largest if self.most is None else min(largest, self.most)

    def decode(self, data: bytes) -> float | None:
        """The value within a whole answer, or None when it is beyond `most`."""
        raw = data[self.at : self.at + self.size]
        value = self._scaled(int.from_bytes(raw, "big", signed=True) if self.signed else int.from_bytes(raw))
        return None if self.most is not None and value > self.most else value

    def _scaled(self, raw: int) -> float:
        if self.denominator == 1:
            return raw * self.numerator + self.offset
        return raw * self.numerator / self.denominator + self.offset


@dataclass(frozen=True, slots=True)
class Pid:
    """One row. `fields` are its numbers; `words` what a number of `Form.WORD` stands for."""

    pid: int
    name: str
    size: int
    fields: tuple[Field, ...] = ()
    form: Form = Form.NUMBER
    source: str = J1979
    words: Mapping[int, str] = field(default_factory=dict)

    @property
    def request(self) -> str:
        """The request that asks for it, as sent to an adapter."""
        return f"01{self.pid:02X}"

    @property
    def unit(self) -> str:
        """The unit of its first number; empty when it has none."""
        return self.fields[0].unit if self.fields else ""

    @property
    def formula(self) -> str:
        """The formula of its first number, in words."""
        return self.fields[0].formula if self.fields else ""

    def decode(self, data: bytes) -> float | None:
        """Its first number, or None when the length of `data` is wrong or the value is not plausible."""
        if len(data) != self.size or not self.fields:
            return None
        return self.fields[0].decode(data)

    def decode_all(self, data: bytes) -> Mapping[str, float | None] | None:
        """Every number by its name, or None when the length of `data` is wrong."""
        if len(data) != self.size:
            return None
        return {each.name: each.decode(data) for each in self.fields}

    def word(self, data: bytes) -> str | None:
        """What the first byte stands for; None when the standard leaves it open."""
        return self.words.get(data[0]) if len(data) == self.size else None


def _one(
    pid: int,
    name: str,
    size: int,
    unit: str,
    numerator: int = 1,
    denominator: int = 1,
    offset: int = 0,
    *,
    signed: bool = False,
    most: float | None = None,
    source: str = J1979,
) -> Pid:
    number = Field(name, unit, size, 0, numerator, denominator, offset, signed, most)
    return Pid(pid, name, size, (number,), source=source)


def _percent(pid: int, name: str) -> Pid:
    return _one(pid, name, 1, "%", 100, 255)


def _trim(pid: int, name: str) -> Pid:
    return _one(pid, name, 1, "%", 100, 128, -100)


def _celsius(pid: int, name: str, *, source: str = J1979) -> Pid:
    return _one(pid, name, 1, "degC", offset=-40, source=source)


def _torque(pid: int, name: str) -> Pid:
    return _one(pid, name, 1, "%", offset=-125, source=J1979_DA)


def _bitmaps() -> tuple[Pid, ...]:
    return tuple(
        Pid(base, f"parameters {base + 1:02X} to {base + 32:02X} supported", 4, form=Form.BITMAP)
        for base in range(0x00, 0xE0, 0x20)
    )


def _oxygen(first: int, kind: str) -> tuple[Pid, ...]:
    """Eight sensors in a row: narrow band, wide band by voltage, wide band by current."""
    voltage = (Field("voltage", "V", 1, 0, 1, 200), Field("fuel trim", "%", 1, 1, 100, 128, -100))
    ratio = Field("equivalence ratio", "1", 2, 0, 2, 65536)
    numbers = {
        "narrow": voltage,
        "voltage": (ratio, Field("voltage", "V", 2, 2, 8, 65536)),
        "current": (ratio, Field("current", "mA", 2, 2, 1, 256, -128)),
    }[kind]
    size = max(each.at + each.size for each in numbers)
    return tuple(Pid(first + n, f"oxygen sensor {n + 1}, {kind}", size, numbers) for n in range(8))


def _banks(pid: int, name: str, first: int) -> Pid:
    """Trim of a secondary oxygen sensor: one byte a bank."""
    numbers = tuple(
        Field(f"bank {first + 2 * n}", "%", 1, n, 100, 128, -100) for n in range(2)
    )  # banks 1 and 3, or 2 and 4
    return Pid(pid, name, 2, numbers)


FUEL_SYSTEMS = {
    0: "off",
    1: "open loop: not warm yet",
    2: "closed loop",
    4: "open loop: load or overrun",
    8: "open loop: system failure",
    16: "closed loop with a fault",
}
SECONDARY_AIR = {
    1: "before the catalyst",
    2: "after the catalyst",
    4: "from outside, or off",
    8: "switched on for diagnosis",
}
STANDARDS = {
    1: "OBD-II (CARB)",
    2: "OBD (EPA)",
    3: "OBD and OBD-II",
    4: "OBD-I",
    5: "not OBD",
    6: "EOBD",
    7: "EOBD and OBD-II",
    8: "EOBD and OBD",
    9: "EOBD, OBD and OBD-II",
    10: "JOBD",
    11: "JOBD and OBD-II",
    12: "JOBD and EOBD",
    13: "JOBD, EOBD and OBD-II",
    17: "EMD",
    18: "EMD+",
    19: "HD OBD-C",
    20: "HD OBD",
    21: "WWH OBD",
    23: "HD EOBD-I",
    24: "HD EOBD-I N",
    25: "HD EOBD-II",
    26: "HD EOBD-II N",
    28: "OBDBr-1",
    29: "OBDBr-2",
    30: "KOBD",
    31: "IOBD-I",
    32: "IOBD-II",
    33: "HD EOBD-VI",
    34: "OBD, OBD-II and HD OBD",
    35: "OBDBr-3",
}
FUELS = {
    0: "not available",
    1: "petrol",
    2: "methanol",
    3: "ethanol",
    4: "diesel",
    5: "LPG",
    6: "CNG",
    7: "propane",
    8: "electric",
    9: "bifuel on petrol",
    10: "bifuel on methanol",
    11: "bifuel on ethanol",
    12: "bifuel on LPG",
    13: "bifuel on CNG",
    14: "bifuel on propane",
    15: "bifuel on electricity",
    16: "bifuel on electricity and combustion",
    17: "hybrid petrol",
    18: "hybrid ethanol",
    19: "hybrid diesel",
    20: "hybrid electric",
    21: "hybrid on electricity and combustion",
    22: "hybrid regenerative",
    23: "bifuel on diesel",
}

_ROWS: tuple[Pid, ...] = (
    *_bitmaps(),
    Pid(0x01, "monitor status since codes cleared", 4, form=Form.MONITORS),
    Pid(0x02, "code that stored the freeze frame", 2, form=Form.CODE),
    Pid(0x03, "fuel system status", 2, form=Form.WORD, words=FUEL_SYSTEMS),
    _percent(0x04, "calculated engine load"),
    _celsius(0x05, "coolant temperature"),
    _trim(0x06, "short term fuel trim, bank 1"),
    _trim(0x07, "long term fuel trim, bank 1"),
    _trim(0x08, "short term fuel trim, bank 2"),
    _trim(0x09, "long term fuel trim, bank 2"),
    _one(0x0A, "fuel pressure", 1, "kPa", 3),
    _one(0x0B, "intake manifold pressure", 1, "kPa"),
    _one(0x0C, "engine speed", 2, "rpm", 1, 4),
    _one(0x0D, "vehicle speed", 1, "km/h"),
    _one(0x0E, "timing advance", 1, "deg", 1, 2, -64),
    _celsius(0x0F, "intake air temperature"),
    _one(0x10, "mass air flow", 2, "g/s", 1, 100),
    _percent(0x11, "throttle position"),
    Pid(0x12, "commanded secondary air", 1, form=Form.WORD, words=SECONDARY_AIR),
    Pid(0x13, "oxygen sensors present, two banks", 1, form=Form.BITS),
    *_oxygen(0x14, "narrow"),
    Pid(0x1C, "OBD standard", 1, form=Form.WORD, words=STANDARDS),
    Pid(0x1D, "oxygen sensors present, four banks", 1, form=Form.BITS),
    Pid(0x1E, "auxiliary input (bit 0: power take-off)", 1, form=Form.BITS),
    _one(0x1F, "time since engine start", 2, "s"),
    _one(0x21, "distance with MIL on", 2, "km"),
    _one(0x22, "fuel rail pressure against manifold", 2, "kPa", 79, 1000),
    _one(0x23, "fuel rail pressure", 2, "kPa", 10),
    *_oxygen(0x24, "voltage"),
    _percent(0x2C, "commanded exhaust gas recirculation"),
    _trim(0x2D, "exhaust gas recirculation error"),
    _percent(0x2E, "commanded evaporative purge"),
    _percent(0x2F, "fuel level"),
    _one(0x30, "warm-ups since codes cleared", 1, "1"),
    _one(0x31, "distance since codes cleared", 2, "km"),
    _one(0x32, "evaporative system pressure", 2, "Pa", 1, 4, signed=True),
    _one(0x33, "barometric pressure", 1, "kPa"),
    *_oxygen(0x34, "current"),
    _one(0x3C, "catalyst temperature, bank 1, sensor 1", 2, "degC", 1, 10, -40),
    _one(0x3D, "catalyst temperature, bank 2, sensor 1", 2, "degC", 1, 10, -40),
    _one(0x3E, "catalyst temperature, bank 1, sensor 2", 2, "degC", 1, 10, -40),
    _one(0x3F, "catalyst temperature, bank 2, sensor 2", 2, "degC", 1, 10, -40),
    Pid(0x41, "monitor status this drive cycle", 4, form=Form.MONITORS),
    _one(0x42, "control module voltage", 2, "V", 1, 1000),
    _one(0x43, "absolute load", 2, "%", 100, 255),
    _one(0x44, "commanded equivalence ratio", 2, "1", 2, 65536),
    _percent(0x45, "relative throttle position"),
    _celsius(0x46, "ambient temperature"),
    _percent(0x47, "absolute throttle position B"),
    _percent(0x48, "absolute throttle position C"),
    _percent(0x49, "accelerator pedal position D"),
    _percent(0x4A, "accelerator pedal position E"),
    _percent(0x4B, "accelerator pedal position F"),
    _percent(0x4C, "commanded throttle actuator"),
    _one(0x4D, "time with MIL on", 2, "min"),
    _one(0x4E, "time since codes cleared", 2, "min"),
    Pid(
        0x4F,
        "largest values of other parameters",
        4,
        (
            Field("equivalence ratio", "1"),
            Field("oxygen sensor voltage", "V", at=1),
            Field("oxygen sensor current", "mA", at=2),
            Field("intake manifold pressure", "kPa", at=3, numerator=10),
        ),
    ),
    Pid(0x50, "largest mass air flow", 4, (Field("mass air flow", "g/s", numerator=10),)),
    Pid(0x51, "fuel type", 1, form=Form.WORD, words=FUELS),
    _percent(0x52, "ethanol in fuel"),
    _one(0x53, "absolute evaporative system pressure", 2, "kPa", 1, 200),
    _one(0x54, "evaporative system pressure, wide", 2, "Pa", signed=True),
    _banks(0x55, "short term secondary oxygen trim, banks 1 and 3", 1),
    _banks(0x56, "long term secondary oxygen trim, banks 1 and 3", 1),
    _banks(0x57, "short term secondary oxygen trim, banks 2 and 4", 2),
    _banks(0x58, "long term secondary oxygen trim, banks 2 and 4", 2),
    _one(0x59, "absolute fuel rail pressure", 2, "kPa", 10),
    _percent(0x5A, "relative accelerator pedal position"),
    _percent(0x5B, "hybrid pack charge"),
    _celsius(0x5C, "engine oil temperature"),
    _one(0x5D, "fuel injection timing", 2, "deg", 1, 128, -210),
    _one(0x5E, "fuel rate", 2, "L/h", 1, 20),
    Pid(0x5F, "emission requirements", 1, form=Form.BITS),
    _torque(0x61, "torque the driver asks for"),
    _torque(0x62, "engine torque"),
    _one(0x63, "reference torque", 2, "Nm", source=J1979_DA),
    Pid(
        0x64,
        "engine torque at five points",
        5,
        tuple(Field(f"point {n + 1}", "%", at=n, offset=-125) for n in range(5)),
        source=J1979_DA,
    ),
    Pid(
        0x66,
        "mass air flow, two sensors",
        5,
        (Field("sensor A", "g/s", 2, 1, 1, 32), Field("sensor B", "g/s", 2, 3, 1, 32)),
        source=J1979_DA,
    ),
    Pid(
        0x67,
        "coolant temperature, two sensors",
        3,
        (Field("sensor 1", "degC", at=1, offset=-40), Field("sensor 2", "degC", at=2, offset=-40)),
        source=J1979_DA,
    ),
    Pid(
        0x7F,
        "engine run time",
        13,
        (Field("total", "s", 4, 1), Field("idle", "s", 4, 5), Field("power take-off", "s", 4, 9)),
        source=J1979_DA,
    ),
    _celsius(0x84, "manifold surface temperature", source=J1979_DA),
    _torque(0x8E, "engine friction torque"),
    _one(0xA2, "cylinder fuel rate", 2, "mg/stroke", 1, 32, source=J1979_DA),
    # Ten million kilometres: beyond it the four bytes are a fill pattern, not a distance.
    _one(0xA6, "odometer", 4, "km", 1, 10, most=10_000_000, source=J1979_DA),
)

PIDS: Mapping[int, Pid] = MappingProxyType({row.pid: row for row in sorted(_ROWS, key=lambda row: row.pid)})
