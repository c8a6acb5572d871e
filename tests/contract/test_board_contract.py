"""Waveshare boards over RTU and Modbus TCP against the board contract, on a peer made of pymodbus' own server codec."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from board_contract import Bench, Benches, BenchIterator, BoardContract

from keycabinet.boards.base import board_shapes, build_board
from keycabinet.config import BoardConfig
from keycabinet.line import Line
from keycabinet.transport import LineUrl

sys.path.append(str(Path(__file__).parent.parent / "keycabinet"))
from modbus_peer import Board, Wire


class PeerRig:
    """A board of tests/keycabinet/modbus_peer.py."""

    def __init__(self, peer: Board) -> None:
        self.peer = peer

    def set_inputs(self, mask: int) -> None:
        self.peer.input_mask = mask

    def outputs(self) -> int:
        return self.peer.coil_mask

    def pulses(self) -> list[tuple[int, float]]:
        return [(channel, word / 10) for channel, word in self.peer.pulses]

    def silence(self) -> None:
        self.peer.mute = True

    def endanger(self) -> bool:
        if self.peer.inputs:
            self.peer.registers[0x1003] = 1
        else:
            del self.peer.registers[0x8000]
        return True


class ModbusContract(BoardContract):
    url = ""
    profile = ""

    def bench(self) -> Benches:
        return self._bench()

    @asynccontextmanager
    async def _bench(self) -> BenchIterator:
        shape = board_shapes()[self.profile]
        peer = Board(7, outputs=shape.outputs, inputs=shape.inputs)
        url = LineUrl.parse(self.url)
        async with await Line.open("a", url, opener=Wire(peer, tcp=not url.half_duplex)) as line:
            config = BoardConfig(line="a", address=7, profile=self.profile)
            yield Bench(build_board(line, config, "A/a7"), PeerRig(peer), line)


class TestRelayD8OverRtu(ModbusContract):
    url, profile = "serial:///dev/nowhere", "waveshare-relay-d-8"


class TestRelayD8OverTcp(ModbusContract):
    url, profile = "modbus+tcp://board", "waveshare-relay-d-8"


class TestIo8OverRtuCarriedByTcp(ModbusContract):
    url, profile = "rtu+tcp://gateway:4001", "waveshare-io-8ch"


class TestRelay16(ModbusContract):
    url, profile = "serial:///dev/nowhere", "waveshare-relay-16"


class TestRelay32(ModbusContract):
    url, profile = "modbus+tcp://board", "waveshare-relay-32"


@pytest.mark.parametrize("profile", ["waveshare-relay-d-8", "waveshare-relay-32", "kerong-cu16", "wkly-8"])
async def test_the_site_files_timing_goes_before_the_profiles(profile: str) -> None:
    wire = Wire(Board())
    async with await Line.open("a", LineUrl.parse("serial:///dev/nowhere"), opener=wire) as line:
        config = BoardConfig(line="a", address=1, profile=profile, pulse_ms=500)
        assert build_board(line, config, "x").pulse_s == 0.5
