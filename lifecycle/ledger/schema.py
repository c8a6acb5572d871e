"""The ledger's file: tables, how a connection is set up, how a new file comes to be.

events    one row an event: its place, its canonical text, its hash (RFC 8785 and SHA-256, see chain)
state     what the events add up to: one row a thing, rewritten under a version check; `seq` last wrote it
outbox    which events still have to leave for the centre; its last row is the head of the chain, and stays
commands  what was asked, and the answer; `seq` is the event that recorded it
station   one row: whose book this is, and its format
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    NullPool,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)

from .chain import FORMAT

metadata = MetaData()
station = Table(
    "station",
    metadata,
    Column("code", Text, primary_key=True),
    Column("format", Integer, nullable=False),
)
events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
state = Table(
    "state",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    UniqueConstraint("kind", "id", name="state_kind_id"),
)
outbox = Table(
    "outbox",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
commands = Table(
    "commands",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("answer", Text, nullable=False),
    UniqueConstraint("id", name="commands_id"),
)

REVISION = "0001"
"""The newest revision in migrations/versions."""

Connect = Callable[[Path], sqlite3.Connection]
"""Opens the database file: in autocommit (`isolation_level=None`) and usable from the writer's thread."""


def connect(path: Path) -> sqlite3.Connection:
    """The plain way to open the file for writing."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def open_writer(path: Path, connecting: Connect) -> Connection:
    """A Core connection, set up so that a commit is on the disk when it returns. Raises sqlite3.Error."""
    if not path.exists():  # SQLite would begin an empty one
        raise sqlite3.OperationalError("the file is gone")
    return _core(_durable(connecting(path)))


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection under a Core connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def open_reader(path: Path, wait_s: float = 5.0, *, written: bool = False) -> sqlite3.Connection:
    """A connection that cannot write, also beside a running station or on a read-only medium."""
    # Without a write-ahead log nobody is writing (a running station always has one), and then SQLite need not
    # be let to create one next to the file.
    still = "" if written or path.with_name(path.name + "-wal").exists() else "&immutable=1"
    address = f"file:{quote(str(path))}?mode=ro{still}"
    return sqlite3.connect(address, wait_s, uri=True, isolation_level=None)


def create(path: Path, code: str, connecting: Connect) -> None:
    """Make the empty book of a station: complete under another name first, so that none is ever half made."""
    new = path.with_name(path.name + ".new")
    for leftover in (new, new.with_name(new.name + "-journal")):
        leftover.unlink(missing_ok=True)
    with _core(connecting(new)) as connection, connection.begin():
        migrate(connection)
        connection.execute(station.insert(), {"code": code, "format": FORMAT})
    connection.engine.dispose()
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def migrate(connection: Connection) -> None:
    """Bring the tables to `REVISION` inside the transaction that `connection` is in."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)


def _durable(driver: sqlite3.Connection) -> sqlite3.Connection:
    mode = driver.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        driver.close()
        raise sqlite3.OperationalError(
            f"this file system cannot hold a write-ahead log (journal mode {mode})"
        )
    driver.execute("PRAGMA synchronous=FULL")
    return driver


def _core(driver: sqlite3.Connection) -> Connection:
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine.connect()
