"""What at a station can have which fault, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType

from keycabinet.transport import MODBUS_TCP, SERIAL
from simulator.cabinets.board import RelayBoard
from simulator.cabinets.devices import Fitted
from simulator.faults.kinds import Aim, FaultKind, Layer
from simulator.faults.scene import Site
from simulator.sensing import Feeler

STATION = "station"


def slot_name(cabinet: str, slot: int) -> str:
    """Return a slot's name as stations print it: A-03."""
    return f"{cabinet}-{slot:02d}"


def targets(site: Site, kind: FaultKind) -> tuple[str, ...]:
    """Return the names of what can have a fault of this kind now, in the order of the site's description."""
    if kind.layer is Layer.DISK and site.disk is None:
        return ()
    if kind.layer is Layer.CLOCK and site.clock is None:
        return ()
    return tuple(_FINDERS[kind.aim](site))


def _bolts(site: Site) -> Iterable[str]:
    for cabinet, wiring in site.hardware.wirings.items():
        yield from (slot_name(cabinet, each.slot) for each in wiring.slots if each.lock is not None)


def _switches(site: Site) -> Iterable[str]:
    sensors = site.hardware.sensors
    places = (*sensors.fitted(Feeler.KEY), *sensors.fitted(Feeler.COMPARTMENT))
    return dict.fromkeys(slot_name(*place) for place in places)


def _latches(site: Site) -> Iterable[str]:
    return (slot_name(*place) for place in site.hardware.sensors.fitted(Feeler.LATCH))


def _hung(site: Site) -> Iterable[str]:
    for cabinet, wiring in site.hardware.wirings.items():
        for each in wiring.slots:
            if site.world.hanging(cabinet, each.slot) is not None:
                yield slot_name(cabinet, each.slot)


def _sensed(site: Site) -> Iterable[str]:
    hung = dict.fromkeys(_hung(site))
    return (name for name in _switches(site) if name in hung)


def _doors(site: Site) -> Iterable[str]:
    for cabinet, wiring in site.hardware.wirings.items():
        if wiring.door_lock is not None or wiring.door_contact is not None:
            yield cabinet


def _contacts(site: Site) -> Iterable[str]:
    return (cabinet for cabinet, _ in site.hardware.sensors.fitted(Feeler.CONTACT))


def _boards(site: Site, which: Callable[[Fitted], bool] = lambda _fitted: True) -> Iterable[str]:
    return (f"{each.cabinet}/{each.label}" for each in site.hardware.fitted if which(each))


def _linking(site: Site) -> Iterable[str]:
    return _boards(site, lambda fitted: bool(fitted.board.modes))


def _modbus(site: Site) -> Iterable[str]:
    return _boards(site, lambda fitted: isinstance(fitted.board, RelayBoard))


def _pushing(site: Site) -> Iterable[str]:
    return _boards(site, lambda fitted: fitted.board.pushes)


def _pairs(site: Site) -> Iterable[str]:
    """Each board with the next one on its line."""
    for line in site.hardware.lines:
        if site.hardware.scheme(line) == MODBUS_TCP:
            continue
        on = [f"{each.cabinet}/{each.label}" for each in site.hardware.fitted if each.line == line]
        yield from (f"{one}+{other}" for one, other in pairwise(on))


def _multidrop(site: Site) -> Iterable[str]:
    return _boards(site, lambda fitted: site.hardware.scheme(fitted.line) != MODBUS_TCP)


def _lines(site: Site, *, serial: bool, gateway: bool, network: bool) -> Iterable[str]:
    for line in site.hardware.lines:
        scheme = site.hardware.scheme(line)
        if {SERIAL: serial, MODBUS_TCP: network}.get(scheme, gateway):
            yield line


def _adapters(site: Site) -> Iterable[str]:
    return () if site.terminals is None else site.terminals.adapters


def _sealed(site: Site) -> Iterable[str]:
    return () if site.sealed is None else site.sealed.fleet.devices


def _terminals(site: Site) -> Iterable[str]:
    terminals = site.terminals
    if terminals is None:
        return ()
    return (car for car in (*terminals.adapters, *_sealed(site)) if terminals.on_air(car) is not None)


_FINDERS: Mapping[Aim, Callable[[Site], Iterable[str]]] = MappingProxyType(
    {
        Aim.BOLT: _bolts,
        Aim.SWITCH: _switches,
        Aim.LATCH: _latches,
        Aim.HUNG: _hung,
        Aim.SENSED: _sensed,
        Aim.DOOR: _doors,
        Aim.CONTACT: _contacts,
        Aim.CABINET: lambda site: site.hardware.wirings,
        Aim.BOARD: _boards,
        Aim.LINKING: _linking,
        Aim.MODBUS: _modbus,
        Aim.PUSHING: _pushing,
        Aim.PAIR: _pairs,
        Aim.MULTIDROP: _multidrop,
        Aim.WIRE: lambda site: _lines(site, serial=True, gateway=True, network=False),
        Aim.SERIAL: lambda site: _lines(site, serial=True, gateway=False, network=False),
        Aim.NETWORK: lambda site: _lines(site, serial=False, gateway=True, network=True),
        Aim.READER: lambda site: (each.name for each in site.hardware.readers.mounted),
        Aim.FOB: lambda site: site.hardware.tags.sets,
        Aim.TERMINAL: _terminals,
        Aim.ADAPTER: _adapters,
        Aim.CAR: lambda site: site.world.cars,
        Aim.SEALED: _sealed,
        Aim.PAPERS: lambda site: () if site.sealed is None else (STATION,),
        Aim.STATION: lambda _site: (STATION,),
    }
)
