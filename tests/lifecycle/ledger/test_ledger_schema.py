"""The tables that the code declares are the tables that the migrations make."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ledger_steps import STATION

from lifecycle.ledger import schema


def test_migrations_make_what_is_declared(path: Path) -> None:
    schema.create(path, STATION, schema.connect)
    connection = schema.open_writer(path, schema.connect)
    try:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == schema.REVISION
    finally:
        connection.close()


def test_the_newest_revision_is_the_one_expected() -> None:
    folder = Path(schema.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_heads() == [schema.REVISION]


def test_a_new_ledger_is_complete_before_it_has_its_name(path: Path) -> None:
    seen = []

    def connecting(place: Path) -> object:
        seen.append((place.name, path.exists()))
        return schema.connect(place)

    schema.create(path, STATION, connecting)
    assert seen == [("ledger.db.new", False)]
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]
