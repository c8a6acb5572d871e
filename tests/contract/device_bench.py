"""A bench for any profile on the simulator's device side: in memory, over a paced pty, over transparent TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from board_contract import Bench, Benches, BenchIterator, BoardContract, StreamContract

from keycabinet.boards.base import build_board
from keycabinet.config import BoardConfig
from keycabinet.line import Line
from keycabinet.timerfd import TimerFd
from keycabinet.transport import LineUrl, Opener, open_link
from simulator.cabinets import MemorySerial, ModbusTcpPort, PtyLine, RtuTcpPort, Wire
from simulator.cabinets.board import Mode, RelayBoard
from simulator.cabinets.devices import build_device
from simulator.cabinets.eletechsup import EletechsupBoard
from simulator.cabinets.mapped import MappedBoard
from simulator.cabinets.wire import AnyBoard
from simulator.cabinets.wkly import WklyDevice
from simulator.cabinets.xor_8a import XorDevice

BAUDRATE = 19200


class DeviceRig:
    """A simulated board and its wire."""

    def __init__(self, config: BoardConfig) -> None:
        self.mask = 0
        self.on: dict[int, float] = {}
        self.pulsed: list[tuple[int, float]] = []
        device = build_device(config, sense=self._sense, switched=self._switched)
        assert device is not None
        self.device: AnyBoard = device
        self.wire: Wire | None = None

    def _sense(self, channel: int) -> bool:
        return bool(self.mask >> (channel - 1) & 1)

    def _switched(self, channel: int, on: bool) -> None:
        now = asyncio.get_running_loop().time()
        if on:
            self.on[channel] = now
        else:
            self.pulsed.append((channel, now - self.on.pop(channel)))

    def set_inputs(self, mask: int) -> None:
        self.mask = mask

    def outputs(self) -> int:
        return sum(1 << (channel - 1) for channel in self.on)

    def pulses(self) -> list[tuple[int, float]]:
        running = [
            (channel, timer.when() - at)
            for channel, at in self.on.items()
            if (timer := self.device.timer(channel))
        ]
        return [*self.pulsed, *running]

    def silence(self) -> None:
        self.device.powered = False

    def endanger(self) -> bool:
        device = self.device
        if isinstance(device, EletechsupBoard):
            if device.settings:
                device.settings[0x00F9] = 1
            return bool(device.settings)
        if isinstance(device, MappedBoard):
            device.fixed = {address: word + 1 for address, word in device.fixed.items()}
            return bool(device.fixed)
        if isinstance(device, RelayBoard):
            if device.modes:
                device.link(Mode.TOGGLE)
            return bool(device.modes)
        if isinstance(device, XorDevice):
            device.map_bytes = 7 if device.map_bytes == 4 else 4
        elif isinstance(device, WklyDevice):
            device.locks += 1
        return isinstance(device, XorDevice | WklyDevice)

    def garble(self, change: Callable[[bytes], bytes | None]) -> Callable[[], None]:
        assert self.wire is not None
        garblers = self.wire.on_reply
        garblers.append(change)
        return lambda: garblers.remove(change)

    def echo(self) -> None:
        assert self.wire is not None
        self.wire.echoes.append(lambda: None)

    def requests(self) -> int:
        assert self.wire is not None
        return self.wire.log.requests


class OnDevice:
    """Give it a `profile`; `medium` is "memory", "pty", "tcp" (bytes passed through) or "modbus+tcp"."""

    profile = ""
    medium = "memory"
    address = 3
    options: ClassVar[dict[str, object]] = {}

    def bench(self) -> Benches:
        return self._bench()

    @asynccontextmanager
    async def _bench(self) -> BenchIterator:
        config = BoardConfig.model_validate(
            {"line": "a", "address": self.address, "profile": self.profile, **self.options}
        )
        rig = DeviceRig(config)
        async with (
            _reached(rig, self.medium) as (url, opener),
            await Line.open("a", LineUrl.parse(url), opener=opener, exclusive=False) as line,
        ):
            yield Bench(build_board(line, config, "A/a3"), rig, line)


class DeviceContract(OnDevice, StreamContract):
    """A board on a wire that can be disturbed."""


class NetworkContract(OnDevice, BoardContract):
    """A board behind Modbus TCP, whose frames no wire touches."""

    medium = "modbus+tcp"


@asynccontextmanager
async def _reached(rig: DeviceRig, medium: str) -> AsyncIterator[tuple[str, Opener]]:
    if medium == "memory":
        rig.wire = Wire([rig.device], baudrate=BAUDRATE)
        yield f"serial:///dev/nowhere?baudrate={BAUDRATE}", MemorySerial("a", rig.wire).open
        rig.wire.close()
    elif medium == "pty":
        timer = TimerFd.create(asyncio.get_running_loop())
        rig.wire = Wire([rig.device], baudrate=BAUDRATE, byte_by_byte=True, call_later=timer.call_later)
        port = PtyLine(rig.wire, timer)
        yield f"serial://{port.path}?baudrate={BAUDRATE}", open_link
        port.close()
    elif medium == "modbus+tcp":
        assert isinstance(rig.device, RelayBoard)
        network = ModbusTcpPort([rig.device])
        await network.listen()
        yield f"modbus+tcp://{network.host}:{network.port}", open_link
        await network.close()
    else:
        rig.wire = Wire([rig.device], baudrate=BAUDRATE)
        gateway = RtuTcpPort(rig.wire)
        await gateway.listen()
        yield f"rtu+tcp://{gateway.host}:{gateway.port}", open_link
        await gateway.close()
