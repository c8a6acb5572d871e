"""`motorpool ledger`: what it says of a book that holds, and of one that was altered."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

from api_station import station
from typer.testing import CliRunner, Result

from api.commands.program import app


def ledger(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ledger", *arguments])


async def a_book(folder: Path) -> tuple[str, int]:
    """The ledger of a morning with one check-out, and the check-out's first event."""
    async with station(folder) as at:
        trip = await at.check_out()
        await at.pull(trip)
        return str(folder / "ledger.db"), trip["seq"]


async def test_verify_prints_the_head_and_takes_it_back(tmp_path: Path) -> None:
    book, _ = await a_book(tmp_path)
    done = ledger("verify", book)
    assert done.exit_code == 0, done.stderr
    assert "station 330108-04" in done.stdout
    found = re.search(r"head (\d+):([0-9a-f]{64})", done.stdout)
    assert found
    seq, digest = int(found[1]), found[2]
    assert ledger("verify", book, "--known", f"{seq}:{digest}").exit_code == 0
    gone = ledger("verify", book, "--known", f"{seq + 1}:{digest}")
    assert gone.exit_code == 1
    assert f"event {seq + 1}" in gone.stderr
    assert ledger("verify", book, "--known", "seven").exit_code == 2


async def test_show_has_a_line_an_event(tmp_path: Path) -> None:
    book, seq = await a_book(tmp_path)
    lines = ledger("show", book).stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(1, len(lines) + 1))
    assert "ReleaseIntended" in lines[seq - 1]
    assert "of-1a" in lines[seq - 1]
    assert len(ledger("show", book, "--after", str(seq)).stdout.splitlines()) == len(lines) - seq
    assert ledger("show", book, "--after", "1", "--limit", "2").stdout.splitlines() == lines[1:3]


async def test_export_never_overwrites(tmp_path: Path) -> None:
    book, _ = await a_book(tmp_path)
    target = tmp_path / "book.jsonl"
    assert ledger("export", book, "-o", str(target)).exit_code == 0
    header, *events = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert header["station"] == "330108-04"
    assert events[-1]["hash"] in ledger("verify", book).stdout
    assert ledger("export", book).stdout.splitlines() == target.read_text(encoding="utf-8").splitlines()
    again = ledger("export", book, "-o", str(target))
    assert again.exit_code == 2
    assert "never overwrites" in again.stderr


async def test_an_altered_book_is_named_from_where_it_breaks(tmp_path: Path) -> None:
    book, seq = await a_book(tmp_path)
    with sqlite3.connect(book) as driver:
        driver.execute("UPDATE events SET body = replace(body, 'of-1a', 'of-9z') WHERE seq = ?", (seq,))
    driver.close()
    for command in ("verify", "show", "export"):
        done = ledger(command, book)
        assert done.exit_code == 1
        assert done.stderr.startswith("error: ")
        assert f"event {seq}" in done.stderr


def test_what_is_no_ledger(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a ledger\n" * 100, encoding="utf-8")
    assert ledger("verify", str(other)).exit_code == 1
    assert ledger("verify", str(tmp_path / "none.db")).exit_code == 2
