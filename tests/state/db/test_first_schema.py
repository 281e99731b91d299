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

from connector.core.corrections.audit import IntactChain
from connector.core.corrections.moves import Phase
from connector.core.model import STAGE
from state import (
    audit,
    audit_cuts,
    checkpoints,
    holds,
    introduced_rules,
    ledger,
    mirror,
    outbox,
    plans,
    runs,
)
from state.all_tables import METADATA
from state.db import migrate
from state.db import sqlite as engines
from state.db.store import Store
from tests.state.db.first_schema import DUMP
from tests.state.examples import PORTAL, at, contact, deal


@pytest.fixture
def old_database(tmp_path: Path) -> Path:
    """Return the database as it was left."""
    path = tmp_path / "connector.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def opened_store(old_database: Path) -> Iterator[Store]:
    """Return it opened, and so migrated."""
    with Store.open(f"sqlite:///{old_database}") as store:
        yield store


def test_it_is_brought_to_the_newest_schema(opened_store: Store, old_database: Path) -> None:
    engine = engines.engine(old_database)
    with engine.connect() as connection:
        assert migrate.current_revision(connection) == migrate.HEAD
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_everything_in_it_is_still_there(opened_store: Store) -> None:
    with opened_store.reading(PORTAL) as session:
        records = mirror.get(session, [contact(1), deal(9)])
        assert records[contact(1)].value(STAGE) == "customer"
        assert len(ledger.read_versions(session, [deal(9)], "dealstage")[deal(9)]) == 2
        (move,) = outbox.open_moves(session)
        assert (move.record, move.phase) == (contact(1), Phase.CLEARED)
        assert [len(corrections) for _, corrections in plans.read_corrections(session, "p1")] == [1]
        assert runs.get(session, "r1") is not None
        assert checkpoints.get(session, "changes.contacts") == {"until": "2026-03-01"}
        assert len(holds.read_active(session, now=at(0))) == 1


def test_a_rule_that_corrected_records_before_is_introduced(opened_store: Store) -> None:
    with opened_store.reading(PORTAL) as session:
        assert introduced_rules.read(session) == {"reopened"}


def test_its_audit_proves_itself_and_goes_on(opened_store: Store) -> None:
    with opened_store.begin(PORTAL) as session:
        lines = list(audit.read(session))
        audit.append(session, lines)
        verdict = audit.verify(session)
        assert audit_cuts.last(session) is not None
    assert isinstance(verdict, IntactChain)
    assert (verdict.line_count, len(lines)) == (4, 1)


def test_the_first_schema_is_the_one_that_the_first_migration_makes(
    old_database: Path, database: Path
) -> None:
    assert _schema(old_database) == _schema(database) or migrate.HEAD != "0001", __doc__


def _schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted((name, " ".join(sql.split())) for name, sql in rows)
