"""`motorpool decode`: explain captured bytes, or run a whole file of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from keycabinet.decoding import Explanation, explain, protocols
from keycabinet.errors import ReplyError
from keycabinet.vectors import Verdict, parse_vectors, run_vectors
from lifecycle.errors import InvalidRequest

from .output import FAILED, Stopped, err, out, say, table

BytesHelp = "The frame in hexadecimal, blanks allowed."


def decode(
    protocol: Annotated[
        str | None,
        typer.Argument(metavar="PROTOCOL", help="The protocol's name; see --list.", show_default=False),
    ] = None,
    frame: Annotated[str | None, typer.Argument(metavar="HEX", help=BytesHelp, show_default=False)] = None,
    request: Annotated[
        str | None,
        typer.Option(
            "--request", metavar="HEX", help="The request that the frame answers.", show_default=False
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

    A file is a JSON list of entries with protocol, request_hex, reply_hex, name and kind. What can be encoded is
    built anew and compared; entries of kind bad_published pass when they are refused. Exit code 1 when one fails.

    Example: [cyan]motorpool decode waveshare-relay-rtu "01 05 02 00 00 07 8D B0"[/cyan]
    """
    if show_list:
        for each in protocols().values():
            say(f"{each.name:22} {each.title}")
    elif file is not None:
        _run_file(file, as_json)
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


def _run_file(path: Path, as_json: bool) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Stopped(f"cannot read {path}: {reason}", 2) from error
    verdict = run_vectors(parse_vectors(text))
    if as_json:
        _print_json(_verdict_json(verdict))
    else:
        rows = [
            (each.protocol, str(each.passed), str(each.rebuilt), str(each.failed), str(each.unknown))
            for each in verdict.tallies
        ]
        out().print(table(("protocol", "passed", "of these rebuilt", "failed", "not known"), rows))
        for each in verdict.failures:
            err().print(f"{each.protocol}: {each.name}: {each.reason}", markup=False)
    if verdict.failures:
        raise typer.Exit(FAILED)


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "protocols": {
            each.protocol: {
                "passed": each.passed,
                "rebuilt": each.rebuilt,
                "failed": each.failed,
                "not_known": each.unknown,
            }
            for each in verdict.tallies
        },
        "failures": [
            {"protocol": each.protocol, "name": each.name, "reason": each.reason} for each in verdict.failures
        ],
    }


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
