"""A ledger that is cut, altered or of another format is refused at the event where it breaks, and left untouched."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import rfc8785
from ledger_steps import STATION, open_ledger, take

from lifecycle.ledger import (
    Command,
    Head,
    LedgerBroken,
    LedgerError,
    LedgerUnavailable,
    LedgerUnreadable,
    export,
    verify,
)
from lifecycle.ledger.chain import genesis, link
from simulator import virtual_time

GOLDEN = Path(__file__).parents[2] / "golden"
EVENTS = 40


async def _record(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        for number in range(EVENTS // 2):
            await ledger.commit(take(number, command=Command(f"c-{number}", "d", {"slot": number})))
        await asyncio.gather(*[ledger.commit(take(number, version=1)) for number in range(EVENTS // 2)])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "ledger.db"
    virtual_time.run(_record(path))
    return path


@pytest.fixture
def copy(sound: Path, path: Path) -> Path:
    shutil.copy(sound, path)
    return path


def alter(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


def refusal(path: Path) -> LedgerBroken:
    """What both `verify` and `Ledger.open` say of the file, which stays as it is."""
    before = path.read_bytes()
    with pytest.raises(LedgerBroken) as verified:
        verify(path)
    with pytest.raises(LedgerBroken) as opened:
        virtual_time.run(open_ledger(path))
    assert path.read_bytes() == before
    assert opened.value.args == verified.value.args
    assert not verified.value.retryable
    return verified.value


def test_a_sound_ledger(sound: Path) -> None:
    found = verify(sound)
    assert (found.station, found.head.seq, found.rows, found.commands) == (STATION, EVENTS, 20, 20)
    assert verify(sound, known=found.head) == found
    assert [file.name for file in sound.parent.iterdir() if "wal" in file.name] == []


def test_an_empty_ledger(path: Path) -> None:
    async def begin() -> None:
        async with await open_ledger(path):
            pass

    virtual_time.run(begin())
    assert verify(path).head == Head(0, genesis(STATION).hex())
    assert [json.loads(line)["after"] for line in export(path)] == [0]


async def test_verifying_beside_a_running_station(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        await ledger.commit(take(1))
        assert verify(path).head == ledger.head


ALTERATIONS = [
    ("UPDATE events SET body = replace(body, 'o-7', 'o-8') WHERE seq = 7", 7),
    ("UPDATE events SET hash = zeroblob(32) WHERE seq = 7", 7),
    ("UPDATE events SET body = CAST(body AS BLOB) || x'00' WHERE seq = 7", 7),
    ("UPDATE events SET body = 7 WHERE seq = 7", 7),
    ("UPDATE events SET seq = 99 WHERE seq = 7", 7),
    ("DELETE FROM events WHERE seq = 1", 1),
    ("DELETE FROM events WHERE seq BETWEEN 7 AND 9", 7),
    ("DELETE FROM events WHERE seq > 30", 31),
    ("DELETE FROM events", 1),
    ("DELETE FROM outbox WHERE seq = 7", 7),
    ("DELETE FROM outbox WHERE seq > 30", 31),
    ("UPDATE outbox SET hash = x'00' WHERE seq = 7", 7),
    ("INSERT INTO outbox VALUES (41, x'00')", 41),
    ("UPDATE state SET state = 'in' WHERE id = 'ks-6'", 27),
    ("UPDATE state SET data = '{}' WHERE id = 'ks-6'", 27),
    ("UPDATE state SET version = 3 WHERE id = 'ks-6'", 27),
    ("UPDATE state SET seq = 7 WHERE id = 'ks-6'", 27),
    ("UPDATE state SET id = 'ks-99' WHERE id = 'ks-6'", 41),
    ("UPDATE state SET state = x'ff' WHERE id = 'ks-6'", 27),
    ("UPDATE state SET data = 7 WHERE id = 'ks-6'", 27),
    ("DELETE FROM state WHERE id = 'ks-6'", 27),
    ("UPDATE commands SET answer = '{}' WHERE id = 'c-6'", 7),
    ("UPDATE commands SET digest = x'ff' WHERE id = 'c-6'", 7),
    ("UPDATE commands SET id = 'c-99' WHERE id = 'c-6'", 7),
    ("DELETE FROM commands WHERE id = 'c-6'", 7),
    ("DELETE FROM commands WHERE id = 'c-19'", 20),
    ("INSERT INTO commands VALUES (40, 'c-99', 'd', '1')", 40),
    ("DROP TABLE events", 1),
    ("DROP TABLE state", 41),
    ("DELETE FROM station", 0),
    ("UPDATE station SET code = x'ff'", 0),
    ("UPDATE station SET code = 'x'", 1),
]


@pytest.mark.parametrize(("statement", "seq"), ALTERATIONS)
def test_an_alteration_is_refused_where_it_is(copy: Path, statement: str, seq: int) -> None:
    alter(copy, statement)
    assert refusal(copy).seq == seq


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE station SET format = 2", "format 2"),
        ("UPDATE alembic_version SET version_num = '9999'", "revision 9999"),
        ("DELETE FROM alembic_version", "revision none"),
        ("DROP TABLE station", "no such table"),
    ],
)
def test_another_format_is_refused(copy: Path, statement: str, reason: str) -> None:
    alter(copy, statement)
    refused = refusal(copy)
    assert isinstance(refused, LedgerUnreadable)
    assert reason in refused.reason
    assert "motorpool that wrote it" in str(refused)


def _forge(path: Path, seq: int, old: bytes, new: bytes) -> None:
    """Alter event `seq` and write the chain anew from there, as somebody would who knows how."""
    database = sqlite3.connect(path, isolation_level=None)
    (own,) = database.execute("SELECT hash FROM events WHERE seq = ?", (seq - 1,)).fetchone()
    for number, body in database.execute("SELECT seq, body FROM events WHERE seq >= ?", (seq,)).fetchall():
        text = body.encode().replace(old, new) if number == seq else body.encode()
        own = link(own, text)
        database.execute("UPDATE events SET body = ?, hash = ? WHERE seq = ?", (text.decode(), own, number))
        database.execute("UPDATE outbox SET hash = ? WHERE seq = ?", (own, number))
    database.close()


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b'"seq":7', b'"seq":8', LedgerBroken),
        (b'"format":1', b'"format":2', LedgerUnreadable),
        (b'"kind":', b'"kinds":', LedgerUnreadable),
        (b'"ks-6",1,', b'"ks-6",2,', LedgerBroken),
        (b'"writes":[', b'"writes":7,"x":[', LedgerUnreadable),
        (b"{", b"", LedgerUnreadable),
    ],
)
def test_a_forged_event_has_to_make_sense(
    copy: Path, old: bytes, new: bytes, error: type[LedgerBroken]
) -> None:
    _forge(copy, 7, old, new)
    refused = refusal(copy)
    assert (type(refused), refused.seq) == (error, 7)


def test_a_forged_chain_is_shown_by_a_head_kept_elsewhere(copy: Path) -> None:
    kept = verify(copy).head
    _forge(copy, 7, b"o-7", b"o-8")
    assert verify(copy).head.seq == EVENTS
    with pytest.raises(LedgerBroken, match="kept elsewhere") as broken:
        verify(copy, known=kept)
    assert broken.value.seq == EVENTS


def test_an_end_taken_off_everywhere_is_shown_by_a_head_kept_elsewhere(copy: Path) -> None:
    kept = verify(copy).head
    alter(copy, "DELETE FROM events WHERE seq = 40", "DELETE FROM outbox WHERE seq = 40")
    alter(copy, "DELETE FROM state WHERE id = 'ks-19'")
    with pytest.raises(LedgerBroken):  # here the state row gives it away already
        verify(copy)
    with pytest.raises(LedgerBroken, match="known elsewhere"):
        verify(copy, known=kept)


@pytest.mark.parametrize("sixteenth", range(16))
def test_a_cut_file_is_refused(copy: Path, sixteenth: int) -> None:
    size = copy.stat().st_size
    with copy.open("r+b") as file:
        file.truncate(size * sixteenth // 16)
    assert 0 <= refusal(copy).seq <= EVENTS + 1


def test_a_cut_in_the_last_byte_is_refused(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.truncate(copy.stat().st_size - 1)
    refusal(copy)


def _read(path: Path) -> list[object]:
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    tables = ["station", "events", "state", "outbox", "commands"]
    content = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    database.close()
    return content


def test_a_flipped_bit_is_refused_or_changes_nothing_that_can_be_read(copy: Path) -> None:
    whole, content = copy.read_bytes(), _read(copy)
    refused = 0
    for place in range(16, len(whole), 97):
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            verify(copy)
        except LedgerError:
            refused += 1
        else:
            assert _read(copy) == content, f"byte {place} altered the content unnoticed"
    assert refused > 50


def test_the_write_ahead_log_without_its_ledger_is_not_begun_anew(path: Path) -> None:
    path.with_name("ledger.db-wal").write_bytes(b"x" * 100)
    with pytest.raises(LedgerBroken, match="the ledger itself is gone"):
        virtual_time.run(open_ledger(path))
    assert not path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all, but long enough to look" * 50, b"SQLite format 3\0"]
)
def test_not_a_database(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path).seq <= 1


def test_another_database(path: Path) -> None:
    alter(path, "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('keep me')")
    assert isinstance(refusal(path), LedgerUnreadable)


def test_no_file(path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="no such file"):
        verify(path)
    assert not path.exists()


def _check_independently(lines: Iterator[str]) -> tuple[int, str]:
    """The recipe of `export`, with nothing of ours."""
    header = json.loads(next(lines))
    own, seq = header["prev_hash"], header["after"]
    if seq == 0:
        start = rfc8785.dumps({"format": 1, "station": header["station"]})
        assert own == hashlib.sha256(start).hexdigest()
    for line in lines:
        entry = json.loads(line)
        assert rfc8785.dumps(entry) == line.encode()
        seq += 1
        assert entry["event"]["seq"] == seq
        own = hashlib.sha256(bytes.fromhex(own) + rfc8785.dumps(entry["event"])).hexdigest()
        assert entry["hash"] == own
    return seq, own


@pytest.mark.parametrize("after", [0, 1, 39, 40])
def test_an_export_verifies_with_sha256_and_rfc8785_alone(sound: Path, after: int) -> None:
    head = verify(sound).head
    lines = list(export(sound, after))
    assert len(lines) == 1 + EVENTS - after
    assert _check_independently(iter(lines)) == (head.seq, head.hash)


def test_an_export_stops_where_the_ledger_breaks(copy: Path) -> None:
    alter(copy, "UPDATE events SET body = '{}' WHERE seq = 7")
    lines = export(copy)
    assert [json.loads(next(lines)).get("hash") is None for _ in range(7)] == [True] + [False] * 6
    with pytest.raises(LedgerBroken) as broken:
        next(lines)
    assert broken.value.seq == 7


def test_a_ledger_of_format_1_opens_for_ever(path: Path) -> None:
    """Written by the first version, frozen in tests/golden."""
    shutil.copy(GOLDEN / "ledger-format-1.sqlite", path)
    frozen = (GOLDEN / "ledger-format-1.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(export(path)) == frozen
    head = verify(path).head
    assert _check_independently(iter(frozen)) == (head.seq, head.hash)

    async def go_on() -> None:
        async with await open_ledger(path) as ledger:
            events = await ledger.events()
            assert [event.seq for event in events] == list(range(1, head.seq + 1))
            row = ledger.row("key_set", "ks-1")
            assert row is not None
            assert (await ledger.command("cad-1")) == Command("cad-1", "d", {"slot": 1})
            await ledger.commit(take(1, row.version))

    virtual_time.run(go_on())
    assert verify(path).head.seq == head.seq + 1
