"""An ELM327-compatible adapter plugged into a car: bytes in, bytes out, the time of each given by the caller.

It insists on what real adapters insist on: a byte that arrives while it is busy aborts the request
(`STOPPED`) and is counted in `interruptions`. Faults are queued by request with `fail`; `troubles` are asked about
each command as long as they hang there. Source: ELM327DSL data sheet v2.3.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from simulator.terminals.car_bus import CHARGING_V, CLEAR, UNITS, Bus, CarTruth, Extras, answers, print_lines

__all__ = ["Bus", "CarTruth", "Elm327Device", "Extras", "Fault", "Timing"]

MAX_LINE = 64
COMMANDS_KEPT = 1024
ANY = "*"


class Fault(StrEnum):
    """What an adapter or a car can get wrong once."""

    NO_DATA = "NO DATA"
    STOPPED = "STOPPED"
    UNABLE_TO_CONNECT = "UNABLE TO CONNECT"
    CAN_ERROR = "CAN ERROR"
    BUS_BUSY = "BUS BUSY"
    BUS_ERROR = "BUS ERROR"
    FB_ERROR = "FB ERROR"
    BUS_INIT_ERROR = "BUS INIT: ...ERROR"
    BUFFER_FULL = "BUFFER FULL"
    DATA_ERROR = "<DATA ERROR"
    RX_ERROR = "<RX ERROR"
    LV_RESET = "LV RESET"
    ERR94 = "ERR94"
    ACT_ALERT = "ACT ALERT"
    LP_ALERT = "LP ALERT"
    NOT_UNDERSTOOD = "?"
    TRUNCATED = "the last frame is missing"
    GAP = "the second frame is missing"
    NOISE = "bytes that nobody sent"
    CUT = "half an answer and no prompt"
    SILENCE = "no answer and no prompt"
    PENDING = "asks for more time first"
    REFUSED = "refuses the service"


_INSTEAD = (
    Fault.NO_DATA,
    Fault.STOPPED,
    Fault.UNABLE_TO_CONNECT,
    Fault.CAN_ERROR,
    Fault.BUS_BUSY,
    Fault.BUS_ERROR,
    Fault.FB_ERROR,
    Fault.BUS_INIT_ERROR,
    Fault.ACT_ALERT,
    Fault.LP_ALERT,
    Fault.NOT_UNDERSTOOD,
)


_NAMES = {
    "2": "SAE J1850 VPW",
    "3": "ISO 9141-2",
    "5": "ISO 14230-4 (KWP FAST)",
    "6": "ISO 15765-4 (CAN 11/500)",
    "7": "ISO 15765-4 (CAN 29/500)",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that an adapter takes."""

    command_s: float = 0.01
    reset_s: float = 1.0
    request_s: float = 0.06
    search_s: float = 2.5
    pending_s: float = 2.0
    line_s: float = 0.004


class Elm327Device:
    """One adapter. `truth` is the car it is plugged into, `extras` what that has besides; `unknown` are AT commands
    the adapter does not know, `buffer` the characters of a reply it can hold. `clear` is called when the car forgets
    its codes; `searches` says whether its automatic search finds the car."""

    def __init__(
        self,
        truth: CarTruth,
        *,
        bus: Bus = Bus.CAN_11,
        identity: str = "ELM327 v1.5",
        unknown: tuple[str, ...] = (),
        timing: Timing | None = None,
        extras: Extras | None = None,
        clear: Callable[[], None] = lambda: None,
        buffer: int = 0,
        searches: bool = True,
    ) -> None:
        self.truth = truth
        self.extras = extras or Extras()
        self.bus = bus
        self.interruptions = 0
        self.commands: list[str] = []  # the last ones, as many as COMMANDS_KEPT
        self.troubles: list[Callable[[str], Fault | None]] = []
        self._identity = identity
        self._unknown = unknown
        self._timing = timing or Timing()
        self._clear = clear
        self._buffer = buffer
        self._searches = searches
        self._faults: dict[str, deque[Fault]] = {}
        self._line = bytearray()
        self._output: deque[tuple[float, bytes]] = deque()
        self._stuck = False
        self._defaults()

    def fail(self, request: str, fault: Fault, times: int = 1) -> None:
        """Let the next `times` answers to `request` ("*": to anything) fail."""
        self._faults.setdefault(request, deque()).extend([fault] * times)

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the host at `now`."""
        for byte in data:
            if self._stuck or self._output:
                self._interrupt(now)
            elif byte == 0x0D:
                command = re.sub(r"\s", "", self._line.decode("latin-1")).upper()
                self._line.clear()
                self._run(command or (self.commands[-1] if self.commands else ""), now)
            elif byte != 0x0A and len(self._line) < MAX_LINE:
                self._line.append(byte)

    def due(self) -> float | None:
        """When the next bytes leave, or None while nothing is to be said."""
        return self._output[0][0] if self._output else None

    def take(self, now: float) -> bytes:
        """The bytes that have left by `now`."""
        taken = bytearray()
        while self._output and self._output[0][0] <= now:
            taken += self._output.popleft()[1]
        return bytes(taken)

    def disconnected(self) -> None:
        """The host went away: whatever was still to be said is lost, the settings stay."""
        self._output.clear()
        self._line.clear()
        self._stuck = False

    def _defaults(self) -> None:
        self._echo, self._feeds, self._spaces, self._headers = True, False, True, False
        self._automatic, self._protocol, self._connected = True, "0", False

    def _interrupt(self, now: float) -> None:
        """The byte that interrupts is lost, and so is the rest of the answer."""
        self.interruptions += 1
        self._output.clear()
        self._stuck = False
        self._say(["STOPPED"], now, self._timing.command_s)

    def _fault(self, command: str) -> Fault | None:
        for key in (command, ANY):
            if self._faults.get(key):
                return self._faults[key].popleft()
        for trouble in self.troubles:
            fault = trouble(command)
            if fault is not None:
                return fault
        return None

    def _say(self, lines: list[str], now: float, delay_s: float, *, prompt: bool = True) -> None:
        end = "\r\n" if self._feeds else "\r"
        when = now + delay_s
        for line in lines:
            self._output.append((when, (line + end).encode("latin-1")))
            when += self._timing.line_s
        if prompt:
            self._output.append((when, (end + ">").encode("latin-1")))

    def _run(self, command: str, now: float) -> None:
        self.commands.append(command)
        del self.commands[:-COMMANDS_KEPT]
        if self._echo:
            self._output.append((now, command.encode("latin-1") + b"\r"))
        fault = self._fault(command)
        if fault is Fault.SILENCE:
            self._stuck = True
        elif fault in _INSTEAD:
            self._say([str(fault)], now, self._timing.request_s)
        elif fault in (Fault.LV_RESET, Fault.ERR94):
            self._defaults()
            self._say(["", str(fault)], now, self._timing.request_s)
        elif command.startswith("AT"):
            self._adapter_command(command[2:], now)
        elif re.fullmatch(r"(?:[0-9A-F]{2}){1,8}[0-9A-F]?", command):
            self._request(command, fault, now)
        else:
            self._say(["?"], now, self._timing.command_s)

    def _adapter_command(self, name: str, now: float) -> None:
        if name in self._unknown:
            self._say(["?"], now, self._timing.command_s)
        elif name in ("Z", "WS"):
            self._defaults()
            self._say(["", "", self._identity], now, self._timing.reset_s if name == "Z" else 0.1)
        else:
            self._say([self._setting(name)], now, self._timing.command_s)

    def _setting(self, name: str) -> str:
        volts = CHARGING_V if self.truth.engine_on else self.truth.battery_v
        values: dict[str, Callable[[], str]] = {
            "I": lambda: self._identity,
            "RV": lambda: f"{volts:.1f}V",
            "DPN": lambda: ("A" if self._automatic else "") + self._protocol,
        }
        if name in values:
            return values[name]()
        if name == "DP":
            return ("AUTO, " if self._automatic else "") + _NAMES.get(self._protocol, "")
        switch = {"E": "_echo", "L": "_feeds", "S": "_spaces", "H": "_headers"}.get(name[:1])
        if switch and name[1:] in ("0", "1"):
            setattr(self, switch, name[1] == "1")
        elif re.fullmatch(r"[ST]P[0-9A-C]", name):
            self._automatic, self._protocol, self._connected = name[2] == "0", name[2], False
        elif not re.fullmatch(r"AT[012]|ST[0-9A-F]{2}|D|PC|LP|M[01]", name):
            return "?"
        return "OK"

    def _request(self, command: str, fault: Fault | None, now: float) -> None:
        delay = self._timing.request_s
        first: list[str] = []
        if not self._connected:
            wrong = not self._searches if self._protocol == "0" else self._protocol != self.bus.value
            if wrong:
                self._say(["UNABLE TO CONNECT"], now, delay)
                return
            if self._automatic:
                first = ["SEARCHING..."]
            elif self.bus in (Bus.ISO_9141, Bus.KWP_FAST):
                first = ["BUS INIT: ...OK"]
            delay = self._timing.search_s if self._automatic else delay
            self._protocol, self._connected = self.bus.value, True
        request = bytes.fromhex(command[: len(command) & ~1])
        replies = answers(self.truth, request, self.extras)
        if request == bytes([CLEAR]) and not self.truth.engine_on:
            self._clear()
        lines = print_lines(replies, self.bus, headers=self._headers, spaces=self._spaces) or ["NO DATA"]
        if self._buffer and sum(map(len, lines)) > self._buffer:
            lines = [*lines[:1], "BUFFER FULL"]
        if first:
            self._say(first, now, self._timing.command_s, prompt=False)
        self._print(lines, fault, command, now, delay)

    def _print(self, lines: list[str], fault: Fault | None, command: str, now: float, delay: float) -> None:
        """The lines of an answer, with what goes wrong on the way."""

        def negative(code: int) -> list[str]:
            refusal = bytes([0x7F, int(command[:2], 16), code])
            return print_lines([(UNITS[0], refusal)], self.bus, headers=self._headers, spaces=self._spaces)

        if fault is Fault.PENDING:
            self._say(negative(0x78), now, delay, prompt=False)
            delay += self._timing.pending_s
        elif fault is Fault.REFUSED:
            lines = negative(0x22)
        elif fault is Fault.TRUNCATED:
            lines = lines[:-1] or ["NO DATA"]
        elif fault is Fault.GAP:
            lines = lines[:1] + lines[2:]
        elif fault is Fault.NOISE:
            lines = [line[: len(line) // 2] + "\xf3\x00" + line[len(line) // 2 :] for line in lines]
        elif fault in (Fault.DATA_ERROR, Fault.RX_ERROR, Fault.BUFFER_FULL):
            lines = [*lines[:-1], lines[-1] + str(fault)]
        elif fault is Fault.CUT:
            lines = [*lines[:-1], lines[-1][: len(lines[-1]) // 2]]
            self._stuck = True
        self._say(lines, now, delay, prompt=fault is not Fault.CUT)
