"""The device side of each profile that a site file may name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import cast

from keycabinet.config import BoardConfig
from keycabinet.profile_file import is_file, profile_named
from simulator.cabinets.board import RelayBoard
from simulator.cabinets.din_rail import DinRailIo
from simulator.cabinets.eletechsup import EletechsupBoard
from simulator.cabinets.kerong import Cu16Device, Cu48Device
from simulator.cabinets.mapped import MappedBoard
from simulator.cabinets.wire import AnyBoard
from simulator.cabinets.wkly import WklyDevice
from simulator.cabinets.xor_8a import XorDevice

ENTRY_POINTS = "motorpool.devices"
"""Entry points by the names of profiles; each names what takes a BoardConfig, `sense` and `switched`."""

Sense = Callable[[int], bool]
Switched = Callable[[int, bool], None]


_MODBUS: dict[str, Callable[..., RelayBoard]] = {
    "eletechsup": EletechsupBoard,
    "advantech": DinRailIo,
    "moxa": DinRailIo,
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A board in its cabinet: its name there, the line it hangs on, and what the site file says of it."""

    cabinet: str
    label: str
    line: str
    board: AnyBoard
    config: BoardConfig

    @property
    def name(self) -> str:
        """Cabinet and board: "A/a1"."""
        return f"{self.cabinet}/{self.label}"


def build_device(config: BoardConfig, *, sense: Sense, switched: Switched) -> AnyBoard | None:
    """The board that a site file describes, as it left the factory; None for one that cannot be simulated."""
    family, _, size = config.profile.rpartition("-")
    address = config.address
    match family:
        case "xor-8a":
            return XorDevice(address, int(size), sense=sense, switched=switched)
        case "wkly":
            return WklyDevice(address, int(size), sense=sense, switched=switched)
        case "kerong" if size == "cu16":
            return Cu16Device(address, 16, sense=sense, switched=switched)
        case "kerong-cu48" if size == "60":
            return Cu48Device(address, 48, sense=sense, switched=switched)
    profile = profile_named(config.profile)
    if profile is not None and is_file(config.profile):
        return MappedBoard(address, profile, sense=sense, switched=switched)
    if profile is None:
        return _of_another_package(config, sense=sense, switched=switched)
    relays = profile.outputs.count if profile.outputs else 0
    inputs = profile.inputs.count if profile.inputs else 0
    maker = family.partition("-")[0]
    return _MODBUS.get(maker, RelayBoard)(address, relays, inputs, sense=sense, switched=switched)


def _of_another_package(config: BoardConfig, *, sense: Sense, switched: Switched) -> AnyBoard | None:
    for entry in entry_points(group=ENTRY_POINTS, name=config.profile):
        return cast(AnyBoard, entry.load()(config, sense=sense, switched=switched))
    return None
