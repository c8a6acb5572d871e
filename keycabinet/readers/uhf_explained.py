"""Takes frames of UHF readers with CRC-8408 apart for people; the codec is that of the driver beside this file."""

from __future__ import annotations

from keycabinet.decoding import Direction, Explanation, Part, WireProtocol
from keycabinet.errors import ForeignReply, NotAFrame, WrongReply
from keycabinet.readers.uhf import (
    BROADCAST,
    FIRST_ANTENNA,
    PROTOCOL,
    Command,
    Reply,
    Status,
    Tag,
    build,
    info_of,
    open_frame,
    open_reply,
    status_text,
    tags_of,
)

_REQUEST_SIZES = {
    Command.INVENTORY: (0, 2, 5),
    Command.SINGLE_TAG: (0,),
    Command.INFO: (0,),
    Command.REGION: (2,),
    Command.SCAN_TIME: (1,),
    Command.BAUD: (1,),
    Command.POWER: (1,),
    Command.SET_MODE: (1, 6),
    Command.GET_MODE: (0,),
    Command.ANTENNAS: (1,),
    Command.MODE: (1,),
    Command.STOP: (0,),
}
"""How many bytes of data each request carries; replies carry a status, and more."""


def _name(command: int) -> str:
    known = [each.name.lower().replace("_", " ") for each in Command if each == command]
    return f"{command:02X} {known[0] if known else 'not documented'}"


def _head(frame: bytes) -> list[Part]:
    address = "all" if frame[1] == BROADCAST else str(frame[1])
    return [
        Part("length", frame[:1], str(frame[0])),
        Part("address", frame[1:2], address),
        Part("command", frame[2:3], _name(frame[2])),
    ]


def _explain_request(frame: bytes) -> Explanation:
    body = open_frame(PROTOCOL, frame)
    known = [each for each in _REQUEST_SIZES if each == body[1]]
    if not known:
        raise NotAFrame(PROTOCOL, f"command {body[1]:02X} is not documented")
    if len(body) - 2 not in _REQUEST_SIZES[known[0]]:
        raise NotAFrame(PROTOCOL, f"no request with command {body[1]:02X} has {len(body) - 2} bytes of data")
    parts = [*_head(frame), *([Part("data", body[2:], _asked(known[0], body[2:]))] if body[2:] else [])]
    parts.append(Part("CRC", frame[-2:], "right"))
    summary = f"address {parts[1].meaning}: {parts[2].meaning}"
    return Explanation(PROTOCOL, Direction.REQUEST, summary, tuple(parts), build(body[0], body[1], body[2:]))


def _asked(command: Command, data: bytes) -> str:
    if command is Command.INVENTORY and len(data) == 5:
        return (
            f"Q {data[0]}, session {data[1]}, target {'AB'[data[2] & 1]}, antenna {data[3] - FIRST_ANTENNA + 1}, "
            f"scan {data[4] / 10:g} s"
        )
    if command is Command.SCAN_TIME and len(data) == 1:
        return f"{data[0] / 10:g} s"
    if command is Command.POWER and len(data) == 1:
        return f"{data[0]} dBm"
    return data.hex(" ").upper()


def _explain_reply(frame: bytes, asked: bytes | None) -> Explanation:
    reply = open_reply(PROTOCOL, frame)
    if asked is not None and asked[1] not in (BROADCAST, reply.address):
        raise ForeignReply(PROTOCOL, asked[1], reply.address)
    if asked is not None and asked[2] != reply.command:
        raise WrongReply(PROTOCOL, f"command {asked[2]:02X} was asked, {reply.command:02X} answered")
    parts = [*_head(frame), Part("status", frame[3:4], status_text(reply.status))]
    data, said = _said(reply)
    parts += data
    parts.append(Part("CRC", frame[-2:], "right"))
    summary = f"address {reply.address}: {parts[2].meaning}: {said or parts[3].meaning}"
    return Explanation(PROTOCOL, Direction.REPLY, summary, tuple(parts), reply.encode())


def _said(reply: Reply) -> tuple[list[Part], str]:
    data = reply.data
    if reply.command in (Command.INVENTORY, Command.SINGLE_TAG) and data:
        tags = tags_of(PROTOCOL, reply)
        return _tag_parts(data, tags), ", ".join(str(tag.fob) for tag in tags)
    if reply.command == Command.INFO and reply.status == Status.OK:
        info = info_of(PROTOCOL, reply)
        text = f"firmware {info.version}, type {info.type:02X}, {info.power_dbm} dBm, scan time {data[7] / 10:g} s"
        return [Part("information", data, text)], text
    return ([Part("data", data, data.hex(" ").upper())] if data else []), ""


def _tag_parts(data: bytes, tags: tuple[Tag, ...]) -> list[Part]:
    new = (bool(tags) and tags[0].antenna is not None) or (not tags and len(data) > 1)
    parts = [Part("antenna", data[:1], str(data[0]))] if new else []
    position = 1 + new
    parts.append(Part("count", data[new : new + 1], str(len(tags))))
    for tag in tags:
        end = position + 1 + len(tag.epc)
        parts.append(Part("EPC length", data[position : position + 1], str(len(tag.epc))))
        parts.append(Part("EPC", tag.epc, tag.epc.hex().upper()))
        if new:
            parts.append(Part("RSSI", data[end : end + 1], str(tag.rssi)))
        position = end + new
    return parts


PROTOCOLS = (
    WireProtocol(PROTOCOL, "UHF readers with LEN ADR CMD .. CRC-8408", _explain_reply, _explain_request),
)
