"""Finds fob readers by asking who they are; those that only talk are listened to."""

from __future__ import annotations

import asyncio

from keycabinet.errors import ReplyError
from keycabinet.line import Line
from keycabinet.probing import Found, NotUnderstood, Probe, hear
from keycabinet.protocols.framing import Framing, Hunter
from keycabinet.readers import onewire, rdm6300, rs485_ascii, uhf

BRIDGES = (2, 3)
"""Chip versions that bridges tell; an adapter's echo of the question would read as version 0."""


def _frames(framing: Framing, heard: bytes) -> list[bytes]:
    return list(Hunter(framing).feed(heard))


def _strange(name: str, heard: bytes) -> NotUnderstood:
    return NotUnderstood(name, f"{heard[:12].hex(' ').upper()} came, which is no answer")


async def _ask_uhf(line: Line, address: int, wait_s: float) -> Found | None:
    name = f"{uhf.PROTOCOL} at address {address}"
    request = uhf.build(address, uhf.Command.INFO)
    heard = await hear(line, name, request, uhf.UhfFraming.longest // 8, wait_s)
    answers = []
    for frame in _frames(uhf.FRAMING, heard):
        try:
            reply = uhf.open_reply(name, frame)
            info = uhf.info_of(name, reply)
        except ReplyError:
            continue
        if reply.command == uhf.Command.INFO and address in (uhf.BROADCAST, reply.address):
            answers.append((reply.address, info))
    if len(answers) > 1:
        raise NotUnderstood(name, f"{len(answers)} answers came to one question; ask address by address")
    if not answers:
        if heard:
            raise _strange(name, heard)
        return None
    own, info = answers[0]
    evidence = f"type {info.type:02X}, scan time {info.scan_s:g} s"
    return Found(uhf.PROTOCOL, own, (uhf.PROTOCOL,), evidence, version=info.version, is_reader=True)


async def _ask_ascii(line: Line, address: int, wait_s: float) -> Found | None:
    name = f"{rs485_ascii.PROTOCOL} at address {address}"
    request = rs485_ascii.Message(True, str(address), "B").encode()
    heard = await hear(line, name, request, rs485_ascii.AsciiFraming.longest, wait_s)
    for frame in _frames(rs485_ascii.FRAMING, heard):
        try:
            message = rs485_ascii.open_frame(name, frame)
        except ReplyError:
            continue
        if (message.address, message.function) == (str(address), "B"):
            evidence = f"serial number {message.data}"
            return Found(
                rs485_ascii.PROTOCOL, address, (rs485_ascii.PROTOCOL,), evidence, inputs=1, is_reader=True
            )
    if heard:
        raise _strange(name, heard)
    return None


async def _ask_bridge(line: Line, address: int, wait_s: float) -> Found | None:
    """Twice: the first byte after power-up only sets the bridge's timing."""
    name = "ds2480b"
    await hear(line, name, bytes((onewire.COMMAND_MODE, onewire.RESET)), 1, wait_s)
    heard = await hear(line, name, bytes((onewire.RESET,)), 1, wait_s)
    if len(heard) != 1 or heard[0] & 0xE0 != 0xC0:
        return None  # one byte has no check value; anything else is somebody else's
    reply = onewire.ResetReply.parse(name, heard[0])
    if reply.version not in BRIDGES:
        return None
    evidence = f"answers a reset of its wire: {reply.line.name.lower()}"
    return Found(name, address, (name,), evidence, version=str(reply.version), inputs=1, is_reader=True)


async def _listen(line: Line, address: int, _wait_s: float) -> Found | None:
    """It repeats itself every 65 ms while a fob lies there, and cannot be asked."""
    heard: list[bytes] = []
    line.listen(heard.append)
    await asyncio.sleep(rdm6300.WINDOW_S)
    for frame in _frames(rdm6300.FRAMING, b"".join(heard)):
        evidence = f"names fob {rdm6300.open_frame(rdm6300.PROTOCOL, frame).fob} unasked"
        return Found(rdm6300.PROTOCOL, address, (rdm6300.PROTOCOL,), evidence, inputs=1, is_reader=True)
    return None


PROBES = (
    Probe(
        uhf.PROTOCOL,
        "UHF readers, CRC-8408",
        _ask_uhf,
        addresses=range(256),
        usual=(),
        always=(uhf.BROADCAST,),
        factory="57600 8N1",
    ),
    Probe(
        rs485_ascii.PROTOCOL,
        "125 kHz readers, ASCII on RS-485",
        _ask_ascii,
        addresses=rs485_ascii.ADDRESSES,
        usual=rs485_ascii.ADDRESSES,
        factory="19200 8E1 or 9600 8N1",
    ),
    Probe("ds2480b", "1-Wire bridges", _ask_bridge, addresses=(0,), usual=(0,), always=(0,), questions=2),
    Probe(
        rdm6300.PROTOCOL,
        "RDM6300 modules, heard only while a fob lies there",
        _listen,
        addresses=(0,),
        usual=(0,),
        always=(0,),
    ),
)
