"""The hardware of a whole station, simulated: cabinets behind real Modbus bytes, cars, and the world they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from keycabinet.config import CabinetConfig, resolve
from keycabinet.fobs import Fob
from keycabinet.pacing import Pacer, RealPacer
from keycabinet.timerfd import TimerFd
from keycabinet.transport import MODBUS_TCP, SERIAL, LineUrl, Link, open_link
from keycabinet.wiring import Wiring
from simulator.cabinets import MemorySerial, ModbusTcpPort, PtyLine, RelayBoard, RtuTcpPort, Wire
from simulator.cabinets.devices import Fitted, build_device
from simulator.cabinets.log import FrameLog
from simulator.cabinets.readers.devices import StationReaders
from simulator.cabinets.wire import AnyBoard
from simulator.pacing import Watch, WorldPacer
from simulator.sensing import Sensors, switches
from simulator.tags import Tags
from simulator.world import Car, Change, World

LOOPBACK = "127.0.0.1"
START_BITS = 1
DATA_BITS = 8

StartMode = Literal["memory", "real"]
Port = MemorySerial | PtyLine | ModbusTcpPort | RtuTcpPort


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one simulated device can be reached: its name, what it is, and its URL or address."""

    name: str
    kind: str
    url: str


class Terminals(Protocol):
    """The simulated vehicle terminals of a station."""

    @property
    def radio_backends(self) -> Any:
        """What `vehicle.Radio` takes in place of the host's Bluetooth."""

    def endpoints(self) -> Sequence[Endpoint]:
        """Where each terminal can be reached."""

    async def start(self) -> None:
        """Begin to advertise and answer."""

    async def stop(self) -> None:
        """Fall silent."""


TerminalFactory = Callable[[World, Mapping[str, Any]], Terminals]


class SimulatedHardware:
    """Boards, lines and cars built from a description, sharing one `world`.

    `lines` are line URLs by name, `sets` the home slot (cabinet, slot) of each key set, None for one that is out;
    `fobs` the fob of each set that has one;
    `cars` the truth about each car; `terminals` what the terminal of a car is, by car, for `terminal_factory`.
    `strict` makes boards ignore requests without silence before them. Raises keycabinet's ConfigError.
    """

    def __init__(
        self,
        *,
        lines: Mapping[str, str],
        cabinets: Mapping[str, CabinetConfig],
        sets: Mapping[str, tuple[str, int] | None] | None = None,
        fobs: Mapping[str, str] | None = None,
        cars: Mapping[str, Car] | None = None,
        terminals: Mapping[str, Any] | None = None,
        terminal_factory: TerminalFactory | None = None,
        seed: int = 0,
        strict: bool = False,
        skip_idle_polls: bool = True,
    ) -> None:
        self.world = World(seed)
        self.strict = strict
        self.skip_idle_polls = skip_idle_polls
        self.urls: dict[str, str] = {}
        self.logs: dict[str, FrameLog] = {name: FrameLog() for name in lines}
        self._lines = {name: LineUrl.parse(url) for name, url in lines.items()}
        self.sensors = Sensors()
        self.wirings: dict[str, Wiring] = {}
        self._boards: list[Fitted] = []
        self.tags = Tags(self.world, {set_id: Fob.parse(fob) for set_id, fob in (fobs or {}).items()})
        self.readers = StationReaders(self.tags)
        self._unsteady: dict[str, int] = {}
        self._watches: dict[str, Watch] = {}
        self._ports: dict[str, Port] = {}
        self._mode: StartMode | None = None
        self._leave: Callable[[], None] = lambda: None
        self._timer: asyncio.TimerHandle | None = None
        for name, config in cabinets.items():
            self._add_cabinet(name, config)
        for set_id, home in (sets or {}).items():
            self.world.add_set(set_id, *(home or (None, None)))
        for car_id, car in (cars or {}).items():
            self.world.add_car(car_id, car)
        self.terminals = terminal_factory(self.world, terminals or {}) if terminal_factory else None

    # -- running

    async def start(self, mode: StartMode = "memory", *, site_ports: bool = False) -> None:
        """Bring every line up. `memory` needs no device file; `real` makes ptys.

        TCP lines listen on loopback in both (which is in memory too in virtual time): on a free port, or with
        `site_ports` on the port of the line's URL. `urls` then has the URL to use for each line. Raises OSError.
        """
        loop = asyncio.get_running_loop()
        self._mode = mode
        self.world.now = loop.time
        self._leave = self.world.subscribe(self._changed)
        try:
            for name, url in self._lines.items():
                await self._bring_up(name, url, site_ports)
            if self.terminals is not None:
                await self.terminals.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take every line down; the world stays as it is, and `start` may follow."""
        self._leave()
        self._leave = lambda: None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._mode is not None and self.terminals is not None:
            await self.terminals.stop()
        self._mode = None
        for port in self._ports.values():
            if isinstance(port, MemorySerial):
                port.unplug()
                port.wire.close()
            elif isinstance(port, PtyLine):
                port.close()
            else:
                await port.close()
        self._ports.clear()
        self.urls.clear()

    async def __aenter__(self) -> SimulatedHardware:
        if self._mode is None:
            await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- what a station needs

    async def opener(self, url: LineUrl, protocol: asyncio.Protocol) -> Link:
        """Open a line of this hardware, as a `keycabinet.transport.Opener`; other URLs are opened for real."""
        if url.scheme == SERIAL:
            for name, known in self._lines.items():
                port = self._ports.get(name)
                if known.identity == url.identity and isinstance(port, MemorySerial):
                    return await port.open(url, protocol)
        return await open_link(url, protocol)

    def pacer(self, cabinet: str) -> Pacer:
        """Return the pacer for a cabinet's idle polls."""
        watch = self._watches[cabinet]
        if not self.skip_idle_polls or self._mode != "memory":
            return RealPacer()
        boards = [fitted.board for fitted in self._boards if fitted.cabinet == cabinet]
        return WorldPacer(watch, lambda: [each.requests for each in boards], lambda: self._steady(cabinet))

    @property
    def radio_backends(self) -> Any:
        """What `vehicle.Radio` takes in place of the host's Bluetooth; None without terminals."""
        return None if self.terminals is None else self.terminals.radio_backends

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where each line and terminal can be reached, while started."""
        lines = [Endpoint(name, _kind(self._ports[name]), url) for name, url in self.urls.items()]
        return (*lines, *(self.terminals.endpoints() if self.terminals else ()))

    # -- what tests and faults need

    def board(self, cabinet: str, label: str) -> RelayBoard:
        """Return one relay board. KeyError when the cabinet has no such board, TypeError for a lock board."""
        board = self.device(cabinet, label)
        if not isinstance(board, RelayBoard):
            raise TypeError(f"{cabinet}/{label} is a lock board")
        return board

    def device(self, cabinet: str, label: str) -> AnyBoard:
        """Return one board of whatever kind. KeyError when the cabinet has no such board."""
        return self._fitted(cabinet, label).board

    @property
    def fitted(self) -> tuple[Fitted, ...]:
        """Every board, in the order of the description."""
        return tuple(self._boards)

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line's name, in the order of the description."""
        return tuple(self._lines)

    def scheme(self, line: str) -> str:
        """Return how a line is reached: `keycabinet.transport.SERIAL`, MODBUS_TCP or RTU_TCP."""
        return self._lines[line].scheme

    def port(self, line: str) -> Port:
        """Return the port of a line, while started; each start makes a new one. KeyError otherwise."""
        return self._ports[line]

    def cabinets_on(self, line: str) -> tuple[str, ...]:
        """Return the cabinets that have a board on a line."""
        return tuple(dict.fromkeys(each.cabinet for each in self._boards if each.line == line))

    def touch(self, cabinet: str) -> None:
        """Let the next polls of a cabinet run: something that they may see has changed."""
        self._watches[cabinet].touch()

    def disquiet(self, cabinet: str, by: int) -> None:
        """Count something in (1) or out (-1) that may change by itself what a poll sees: no poll is left out then."""
        self._unsteady[cabinet] = self._unsteady.get(cabinet, 0) + by
        self.touch(cabinet)

    def darken(self, cabinet: str, label: str) -> Callable[[], None]:
        """Take the supply of one board away for one reason more; the returned function gives it back.

        The board is on again when no reason is left.
        """
        board = self._fitted(cabinet, label).board
        board.cuts += 1
        self.power(cabinet, label, False)

        def give_back() -> None:
            board.cuts -= 1
            if not board.cuts:
                self.power(cabinet, label, True)

        return give_back

    def power(self, cabinet: str, label: str, on: bool) -> None:
        """Cut or restore the supply of one board."""
        board = self._fitted(cabinet, label).board
        if board.powered != on:
            board.powered = on
            self.world.note("board_power", cabinet, label, int(on))

    def cut(self, line: str) -> None:
        """Interrupt whoever is connected to a line in memory or on TCP; it may connect again."""
        port = self._ports[line]
        if isinstance(port, MemorySerial):
            port.unplug()
        elif isinstance(port, ModbusTcpPort | RtuTcpPort):
            port.cut()

    # -- building

    def _add_cabinet(self, name: str, config: CabinetConfig) -> None:
        wiring = resolve(name, config, {line: str(url) for line, url in self._lines.items()})
        self.world.add_cabinet(
            name,
            tuple(slot.slot for slot in wiring.slots),
            boltless=[slot.slot for slot in wiring.slots if slot.lock is None],
            door=wiring.door_contact is not None,
            door_lock=wiring.door_lock is not None,
        )
        self._watches[name] = Watch()
        self.wirings[name] = wiring
        for each in config.boards:
            board = build_device(
                each,
                sense=self.sensors.senses(self.world, wiring, each.label),
                switched=switches(self.world, wiring, each.label),
            )
            if board is None:
                raise ValueError(f"cabinet {name}: no board {each.profile!r} can be simulated")
            self._boards.append(Fitted(name, each.label, each.line, board, each))

        self.readers.add(name, config)

    async def _bring_up(self, name: str, url: LineUrl, site_ports: bool) -> None:
        port = self._port(name, url)
        self._ports[name] = port
        if isinstance(port, PtyLine):
            options = f"baudrate={url.baudrate}&parity={url.parity}"
            self.urls[name] = f"serial://{port.path}?{options}"
            return
        port.changed = lambda: self._touch_line(name)
        if isinstance(port, MemorySerial):
            self.urls[name] = str(url)
            return
        await port.listen(LOOPBACK, url.port if site_ports else 0)
        self.urls[name] = f"{url.scheme}://{port.host}:{port.port}"

    def _port(self, name: str, url: LineUrl) -> Port:
        boards = [fitted.board for fitted in self._boards if fitted.line == name]
        if url.scheme == MODBUS_TCP:
            relays = [board for board in boards if isinstance(board, RelayBoard)]
            return ModbusTcpPort(relays, log=self.logs[name])
        bits = START_BITS + DATA_BITS + url.stopbits + (url.parity != "N")
        real = self._mode == "real"
        readers = self.readers.wire(name, url, bits, byte_by_byte=real, log=self.logs[name])
        if readers is not None:
            if url.scheme != SERIAL:
                return RtuTcpPort(readers)
            return PtyLine(readers) if real else MemorySerial(name, readers)
        if url.scheme != SERIAL:
            return RtuTcpPort(Wire(boards, strict=self.strict, log=self.logs[name]))
        timer = TimerFd.create(asyncio.get_running_loop()) if real else None
        wire = Wire(
            boards,
            baudrate=url.baudrate,
            bits_per_character=bits,
            strict=self.strict,
            byte_by_byte=real,
            call_later=timer.call_later if timer else None,
            log=self.logs[name],
        )
        return PtyLine(wire, timer) if real else MemorySerial(name, wire)

    def _fitted(self, cabinet: str, label: str) -> Fitted:
        for fitted in self._boards:
            if (fitted.cabinet, fitted.label) == (cabinet, label):
                return fitted
        raise KeyError(f"cabinet {cabinet} has no board {label}")

    # -- changes

    def _changed(self, change: Change) -> None:
        watch = self._watches.get(change.cabinet or "")
        if watch is None:
            return
        watch.touch()
        for fitted in self._boards:
            board = fitted.board
            if fitted.cabinet == change.cabinet and (board.pushes or any(board.modes)):
                board.look()
        self._arm()

    def _arm(self) -> None:
        """See to it that what moves by itself moves in time."""
        due = self.world.due
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self._settle)

    def _settle(self) -> None:
        self._timer = None
        self.world.settle()
        self._arm()

    def _touch_line(self, line: str) -> None:
        for fitted in self._boards:
            if fitted.line == line:
                self._watches[fitted.cabinet].touch()

    def _steady(self, cabinet: str) -> bool:
        if self._unsteady.get(cabinet):
            return False
        for fitted in self._boards:
            if fitted.cabinet != cabinet:
                continue
            port = self._ports.get(fitted.line)
            connected = isinstance(port, PtyLine) or (port is not None and port.connected)
            if not (connected and fitted.board.powered) or any(fitted.board.modes):
                return False
        return True


def _kind(port: Port) -> str:
    return {
        MemorySerial: "serial line in memory",
        PtyLine: "serial line (pty)",
        ModbusTcpPort: "Modbus TCP",
        RtuTcpPort: "RTU over TCP",
    }[type(port)]
