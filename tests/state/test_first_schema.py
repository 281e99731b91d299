"""A database as the first release makes it is opened by every later one, with all it holds.

Until that release, `python -m tests.state.first_schema` writes the file anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from connector.core.audit import Intact
from connector.core.model import STAGE
from connector.core.moves import Phase
from state import audit, checkpoints, cuts, holds, ledger, mirror, outbox, plans, runs, schema
from state import sqlite as engines
from state.store import Store
from state.tables import METADATA
from tests.state.first_schema import DUMP
from tests.state.nouns import PORTAL, at, contact, deal


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the database as it was left."""
    path = tmp_path / "connector.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def opened(old: Path) -> Iterator[Store]:
    """Return it opened, and so migrated."""
    with Store.open(f"sqlite:///{old}") as store:
        yield store


def test_it_is_brought_to_the_newest_schema(opened: Store, old: Path) -> None:
    engine = engines.engine(old)
    with engine.connect() as connection:
        assert schema.current(connection) == schema.HEAD
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_everything_in_it_is_still_there(opened: Store) -> None:
    with opened.reading() as session:
        found = mirror.get(session, PORTAL, [contact(1), deal(9)])
        assert found[contact(1)].value(STAGE) == "customer"
        assert len(ledger.versions(session, PORTAL, [deal(9)], "dealstage")[deal(9)]) == 2
        (move,) = outbox.open_moves(session, PORTAL)
        assert (move.record, move.phase) == (contact(1), Phase.CLEARED)
        assert [len(each) for _, each in plans.corrections(session, PORTAL, "p1")] == [1]
        assert runs.get(session, PORTAL, "r1") is not None
        assert checkpoints.get(session, PORTAL, "changes.contacts") == {"until": "2026-03-01"}
        assert len(holds.listed(session, PORTAL, now=at(0))) == 1


def test_its_audit_proves_itself_and_goes_on(opened: Store) -> None:
    with opened.begin() as session:
        lines = list(audit.read(session, PORTAL))
        audit.append(session, PORTAL, lines)
        verdict = audit.verify(session, PORTAL)
        assert cuts.last(session, PORTAL) is not None
    assert isinstance(verdict, Intact)
    assert (verdict.lines, len(lines)) == (4, 1)


def test_the_first_schema_is_the_one_that_the_first_migration_makes(
    old: Path, database: Path
) -> None:
    assert _schema(old) == _schema(database) or schema.HEAD != "0001", __doc__


def _schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted((name, " ".join(sql.split())) for name, sql in rows)
