"""ELM327-emulator (PyPI, CC BY-NC-SA 4.0: a peer of tests, never imported by the packages) as a device of bytes.

Its own reading thread and its sleeps are left out: a line is handed to it when it is complete, what it writes is kept
with the time it would have slept, and the simulated GATT server carries it away at that time.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from elm import elm as emulator
from elm import obd_message

LINE_S = 0.02


def raw_values(scenario: str, name: str, size: int) -> list[int]:
    """What the emulator's table says of a value of a car, as the numbers in the last bytes of its answers."""
    said = obd_message.ObdMessage[scenario][name]["Response"]
    texts = [said] if isinstance(said, str) else said
    data = [
        re.sub(r"<[^>]*>", " ", re.sub(r"<(header|size)>[^<]*<[^>]*>", "", text)).split() for text in texts
    ]
    return [int("".join(each[-size:]), 16) for each in data]


class EmulatedAdapter:
    """One emulated adapter in a car of the emulator's: `car`, `default`, `engineoff` or `mt05`.

    `says` replaces the answer to a request, as whole lines, as often as there are entries.
    """

    def __init__(self, scenario: str, patch: pytest.MonkeyPatch) -> None:
        self._now = self.slept_s = 0.0
        patch.setattr(emulator, "time", SimpleNamespace(sleep=self._sleep, time=lambda: self._now))
        self.elm: Any = emulator.Elm(batch_mode=True)
        self.elm.logger = logging.getLogger("elm")
        self.elm.logger.setLevel(logging.CRITICAL + 1)
        self.elm.write_to_device = self._write
        self.elm.set_sorted_obd_msg(scenario)
        self.commands: list[str] = []
        self.says: dict[str, deque[str]] = {}
        self._line = bytearray()
        self._output: deque[tuple[float, bytes]] = deque()

    def codes(self, patch: pytest.MonkeyPatch, stored: list[str], pending: list[str]) -> None:
        """Fault codes of its car, as four hexadecimal digits."""
        patch.setattr(obd_message, "DTC_STORED", stored)
        patch.setattr(obd_message, "DTC_PENDING", pending)

    def receive(self, data: bytes, now: float) -> None:
        self._now = max(self._now, now)
        for byte in data:
            if self.elm.counters.get("cmd_echo"):
                self._write(bytes([byte]))
            if byte != 0x0D:
                self._line.append(byte)
                continue
            command = self._line.decode("ascii")
            self._line.clear()
            self._run(command)

    def due(self) -> float | None:
        return self._output[0][0] if self._output else None

    def take(self, now: float) -> bytes:
        taken = bytearray()
        while self._output and self._output[0][0] <= now:
            taken += self._output.popleft()[1]
        return bytes(taken)

    def disconnected(self) -> None:
        self._output.clear()
        self._line.clear()

    def _run(self, command: str) -> None:
        self.commands.append(command)
        instead = self.says.get(command)
        if instead:
            self._write(instead.popleft().encode("latin-1") + b"\r\r>")
            return
        if not re.match(emulator.ELM_VALID_CHARS, command):
            return
        header, data, answer = self.elm.handle_request(command, do_write=True)
        if answer is not None:
            self.elm.handle_response(answer, do_write=True, request_header=header, request_data=data)

    def _sleep(self, seconds: float) -> None:
        self._now += seconds
        self.slept_s += seconds

    def _write(self, data: bytes) -> None:
        self._output.append((self._now + LINE_S, bytes(data)))
