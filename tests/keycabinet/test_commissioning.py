"""A bare board on the bench, without a site file."""

from __future__ import annotations

import pytest
from modbus_peer import Board, Wire

from keycabinet.commissioning import open_channel, read_board
from keycabinet.errors import DangerousLinkage, DeviceSilent, WiringError
from keycabinet.model import ReleaseOutcome
from keycabinet.transport import LineUrl

URL = LineUrl.parse("serial:///dev/nowhere")
PROFILE = "waveshare-relay-d-8"


async def test_reading() -> None:
    board = Board(5)
    board.input_mask, board.coil_mask = 0x03, 0x80
    read = await read_board(URL, PROFILE, 5, opener=Wire(board))
    assert read.version == "2.00"
    assert read.inputs == (True, True, *[False] * 6)
    assert read.outputs == (*[False] * 7, True)
    assert read.refused is None


async def test_a_dangerous_board_is_read_but_not_opened() -> None:
    board = Board()
    board.registers[0x1007] = 2
    read = await read_board(URL, PROFILE, 1, opener=Wire(board))
    assert "write 0" in str(read.refused)
    with pytest.raises(DangerousLinkage):
        await open_channel(URL, PROFILE, 1, 1, opener=Wire(board))
    assert board.pulses == []


async def test_opening() -> None:
    board = Board()
    assert await open_channel(URL, PROFILE, 1, 8, opener=Wire(board)) == (ReleaseOutcome.CONFIRMED, None)
    assert board.pulses == [(8, 2)]


async def test_a_silent_board_may_be_an_old_one() -> None:
    with pytest.raises(DeviceSilent, match="before September 2021"):
        await read_board(URL, PROFILE, 9, opener=Wire(Board()))


@pytest.mark.parametrize(
    ("profile", "address", "channel"), [("nope", 1, 1), (PROFILE, 0, 1), (PROFILE, 1, 9)]
)
async def test_mistakes(profile: str, address: int, channel: int) -> None:
    with pytest.raises(WiringError):
        await open_channel(URL, profile, address, channel, opener=Wire(Board()))
