"""A copy holds everything of one portal, with the same audit, and nothing of another portal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from state import audit, audit_archives, checkpoints, copy_portal, tokens
from state.all_tables import METADATA
from state.db.store import Store
from tests.databases import PostgresqlServer, copy_sqlite
from tests.state.examples import NOON, OTHER_PORTAL, PORTAL, at
from tests.state.test_audit_archives import cut_audit, line

TRANSIENT = {"writer_fences", "rate_slots"}


@pytest.fixture(params=["sqlite-to-postgresql", "postgresql-to-sqlite", "sqlite-to-sqlite"])
def urls(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    empty_database: Path,
    postgresql_server: PostgresqlServer,
) -> Iterator[list[str]]:
    """Return two empty databases: from where, and to where."""
    source, _, target = request.param.split("-")
    with postgresql_server.empty_database() as url:
        yield [
            url if engine == "postgresql" else copy_sqlite(empty_database, tmp_path / name)
            for engine, name in ((source, "from.db"), (target, "to.db"))
        ]


@pytest.fixture
def stores(urls: list[str]) -> Iterator[tuple[Store, Store]]:
    with Store.open(urls[0]) as source, Store.open(urls[1]) as target:
        yield source, target


def fill_every_table(store: Store, portal_id: str) -> None:
    """Put a row that tells all its columns apart into every table but those of the audit."""
    with store.begin(portal_id) as session:
        for table in METADATA.sorted_tables:
            if table.name in {"audit", "audit_cuts"}:
                continue
            values = {
                column.name: True
                if column.type.python_type is bool
                else number
                if column.type.python_type is int
                else f"{column.name} æøå"
                for number, column in enumerate(table.c, start=2**40)
            }
            values |= {"times": 7} if "times" in table.c else {}
            if table.name in {"plan_moves", "plan_asides"}:
                values["plan_id"] = "plan_id æøå"
            session.execute(insert(table), [{**values, "portal_id": int(portal_id)}])


def all_rows(store: Store, portal_id: str) -> dict[str, list[tuple[object, ...]]]:
    with store.reading(portal_id) as session:
        return {
            table.name: sorted(
                tuple(row)
                for row in session.execute(select(table).where(table.c.portal_id == int(portal_id)))
            )
            for table in METADATA.sorted_tables
            if table.name not in TRANSIENT
        }


def copy(stores: tuple[Store, Store], portal_id: str = PORTAL) -> None:
    with stores[0].reading(portal_id) as old, stores[1].begin(portal_id) as new:
        copy_portal.copy_portal(old, new)
        assert copy_portal.count_rows(old) == copy_portal.count_rows(new)
        assert copy_portal.same_audit(old, new)


def test_every_row_of_every_table_arrives_and_nothing_of_another_portal(
    stores: tuple[Store, Store], tmp_path: Path
) -> None:
    source, target = stores
    for portal_id in (PORTAL, OTHER_PORTAL):
        fill_every_table(source, portal_id)
    with source.begin(PORTAL) as session:
        audit.append(session, [line(minutes) for minutes in range(6)])
        cut_audit(session, 2, tmp_path / "a.jsonl")
        cut_audit(session, 4, tmp_path / "b.jsonl")
        audit.append(session, [line(6)])
    copy(stores)
    assert all_rows(target, PORTAL) == all_rows(source, PORTAL)
    assert not any(all_rows(target, OTHER_PORTAL).values())
    assert len(all_rows(target, PORTAL)["audit"]) == 3
    with target.begin(PORTAL) as session:
        audit.append(session, [line(7)])
        verdict = audit.verify(session)
        assert audit_archives.joins_cuts(session, audit_archives.read(tmp_path / "b.jsonl"))
    assert verdict.line_count == 8  # type: ignore[union-attr]  # it is intact


def test_a_chain_that_is_broken_is_not_the_same(stores: tuple[Store, Store]) -> None:
    for store, rule in zip(stores, ("won", "lost"), strict=True):
        with store.begin(PORTAL) as session:
            audit.append(session, [line(0), line(1)] if rule == "won" else [line(0)])
    with stores[0].reading(PORTAL) as old, stores[1].reading(PORTAL) as new:
        assert not copy_portal.same_audit(old, new)


def test_the_portals_of_a_database_are_listed_wherever_they_have_a_row(
    stores: tuple[Store, Store],
) -> None:
    with stores[0].begin("9") as session:
        checkpoints.put(session, "one", 1)
    with stores[0].begin("100") as session:
        audit.append(session, [line(0)])
    with stores[0].begin("0") as session:
        tokens.put(session, "app", "sealed", at=NOON)
    with stores[0].reading_all_portals() as session:
        assert copy_portal.portal_ids(session) == ("0", "9", "100")


def test_a_token_that_is_there_already_stays(stores: tuple[Store, Store]) -> None:
    for store, names in zip(stores, (("a", "b"), ("a",)), strict=True):
        with store.begin("0") as session:
            for name in names:
                tokens.put(session, name, f"{len(names)}", at=at(0))
    with stores[0].reading("0") as old, stores[1].begin("0") as new:
        copy_portal.copy_app_tokens(old, new)
        assert [tokens.get(new, name) for name in ("a", "b")] == ["1", "2"]


def test_what_belongs_to_processes_is_not_copied(stores: tuple[Store, Store]) -> None:
    source, target = stores
    source.rate_slots(PORTAL).count_request(date(2026, 3, 9))
    with source.writer_lock(PORTAL), source.begin(PORTAL) as session:
        checkpoints.put(session, "one", 1)
    copy(stores)
    assert target.rate_slots(PORTAL).count_request(date(2026, 3, 9)) == 1
