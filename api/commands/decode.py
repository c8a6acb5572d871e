"""`motorpool decode`: explain captured bytes, or run a whole file of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from keycabinet.decoding import Explanation, explain, protocols
from keycabinet.errors import ReplyError
from keycabinet.vectors import parse_vectors
from lifecycle.errors import InvalidRequest
from vehicle.decoding import PROTOCOLS as TEXT_PROTOCOLS
from vehicle.decoding import TextProtocol
from vehicle.obd.explained import Explained, Said

from .decode_file import Outcome, judge
from .output import FAILED, Stopped, err, out, say, table

BytesHelp = "The frame in hexadecimal, blanks allowed; or what was printed, for a protocol of text."


def decode(
    protocol: Annotated[
        str | None,
        typer.Argument(metavar="PROTOCOL", help="The protocol's name; see --list.", show_default=False),
    ] = None,
    frame: Annotated[
        str | None, typer.Argument(metavar="HEX|TEXT", help=BytesHelp, show_default=False)
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(
            "--request", metavar="HEX|TEXT", help="The request that the frame answers.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", dir_okay=False, help="Run every entry of a vector file.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="Name every protocol that is known.")] = False,
) -> None:
    """Explain a frame field by field, or run a file of frames through the codecs.

    A frame is taken for a request or, failing that, for a reply; with [bold]--request[/bold] it must be the
    reply to that. Exit code 1, with the reason, when it is not valid.

    A file is a JSON list of entries with protocol, request_hex, reply_hex (or request_ascii, reply_ascii), name, kind
    and decoded. What can be encoded is built anew and compared, and so is what a reply means; entries of kind
    bad_published pass when they are refused. Exit code 1 when one fails.

    Example: [cyan]motorpool decode waveshare-relay-rtu "01 05 02 00 00 07 8D B0"[/cyan]

    Example: [cyan]motorpool decode elm327 "7E8 04 41 0C 1A F8" --request 010C[/cyan]
    """
    if show_list:
        titles = {each.name: each.title for each in protocols().values()}
        titles |= {each.name: each.title for each in TEXT_PROTOCOLS.values()}
        for name, title in titles.items():
            say(f"{name:22} {title}")
    elif file is not None:
        _run_file(file, as_json)
    elif protocol is not None and frame is not None and protocol in TEXT_PROTOCOLS:
        _explain_text(TEXT_PROTOCOLS[protocol], frame, request, as_json)
    elif protocol is not None and frame is not None:
        asked = None if request is None else _bytes("--request", request)
        _explain(protocol, _bytes("HEX", frame), asked, as_json)
    else:
        raise InvalidRequest("PROTOCOL HEX", "", "a protocol and a frame, or --file, or --list")


def _bytes(name: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidRequest(name, text, "bytes in hexadecimal, such as 01 05 02 00 00 07 8D B0") from None


def _explain(protocol: str, frame: bytes, request: bytes | None, as_json: bool) -> None:
    try:
        explanation = explain(protocol, frame, request)
    except ReplyError as error:
        if as_json:
            _print_json({"protocol": protocol, "error": error.text})
        raise
    _show(explanation, as_json)


def _show(explanation: Explanation, as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                "protocol": explanation.protocol,
                "direction": explanation.direction.value,
                "summary": explanation.summary,
                "fields": [
                    {"name": part.name, "hex": part.raw.hex().upper(), "meaning": part.meaning}
                    for part in explanation.parts
                ],
            }
        )
        return
    rows, offset = [], 0
    for part in explanation.parts:
        rows.append((str(offset), part.raw.hex(" ").upper(), part.name, part.meaning))
        offset += len(part.raw)
    say(f"{explanation.protocol} {explanation.direction}: {explanation.summary}", "bold")
    out().print(table(("byte", "hex", "field", "meaning"), rows))


def _explain_text(protocol: TextProtocol, printed: str, request: str | None, as_json: bool) -> None:
    try:
        explained = protocol.explain(_printed(printed), request)
    except ValueError as error:
        if as_json:
            _print_json({"protocol": protocol.name, "error": str(error)})
        raise Stopped(f"{protocol.name}: {error}", FAILED) from error
    if as_json:
        _print_json(
            {"protocol": protocol.name, "direction": explained.direction, "summary": explained.summary}
            | {"said": [_said_json(each) for each in explained.said]}
        )
        return
    say(f"{protocol.name} {explained.direction}: {explained.summary}", "bold")
    _show_said(explained)


def _printed(text: str) -> bytes:
    r"""Text as it was printed, with \r for its line ends, or the same in hexadecimal up to its prompt or line end."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if raw.isascii() and raw.endswith((b">", b"\r", b"\n")):
        return raw
    return text.replace("\\r", "\r").replace("\\n", "\n").encode("latin-1", "replace")


def _said_json(said: Said) -> dict[str, Any]:
    values = [{"name": each.name, "value": each.value, "unit": each.unit} for each in said.values]
    return {"ecu": said.ecu or None, "payload": said.payload.hex().upper(), "values": values}


def _show_said(explained: Explained) -> None:
    rows = [
        (said.ecu or "adapter", said.payload.hex(" ").upper(), value.name, value.text, value.unit)
        for said in explained.said
        for value in said.values
    ]
    if rows:
        out().print(table(("from", "bytes", "what", "value", "unit"), rows))


def _run_file(path: Path, as_json: bool) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Stopped(f"cannot read {path}: {reason}", 2) from error
    outcome = judge(parse_vectors(text))
    if as_json:
        _print_json(outcome.as_json())
    else:
        _show_outcome(outcome)
    if outcome.failures:
        raise typer.Exit(FAILED)


def _show_outcome(outcome: Outcome) -> None:
    columns = ("protocol", "passed", "of these rebuilt", "values compared", "failed", "not built yet")
    rows = [tuple(map(str, each)) for each in outcome.rows()]
    out().print(table(columns, rows))
    for each in outcome.failures:
        err().print(f"{each.protocol}: {each.name}: {each.reason}", markup=False)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
