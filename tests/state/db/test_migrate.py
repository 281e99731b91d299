"""Migrations end with the schema of the tables, completely or not at all."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from connector.errors import UserError
from state.all_tables import METADATA
from state.db import migrate, sqlite
from state.db.store import Store


def test_the_migrations_end_where_the_tables_are(database: Path) -> None:
    engine = sqlite.engine(database)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert differences == []


def test_the_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_every_table_of_the_product_has_the_portal_in_its_key() -> None:
    keys = {name: list(table.primary_key.columns) for name, table in METADATA.tables.items()}
    assert keys
    assert {name for name, key in keys.items() if key[0].name != "portal_id"} == set()


def test_a_new_database_is_at_the_head(database: Path) -> None:
    assert _revision(database) == migrate.HEAD


def test_many_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    path = tmp_path / "connector.db"
    with ThreadPoolExecutor(8) as pool:
        for store in pool.map(lambda _: Store.open(f"sqlite:///{path}"), range(8)):
            store.close()
    assert _revision(path) == migrate.HEAD


def test_a_newer_database_is_refused_with_what_to_do(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match=r"newer version .*schema 9999.*install that version"):
        Store.open(f"sqlite:///{database}")


def test_a_schema_that_no_version_has_made_is_refused(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(UserError, match=r"schema is '0000', which no version .* has made"):
        Store.open(f"sqlite:///{database}")


def test_a_migration_that_dies_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "connector.db"
    monkeypatch.setattr(command, "upgrade", _upgrade_then_die(command.upgrade))
    with pytest.raises(ZeroDivisionError):
        Store.open(f"sqlite:///{path}")
    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    Store.open(f"sqlite:///{path}").close()
    assert _revision(path) == migrate.HEAD


def test_a_database_without_a_revision_is_migrated(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    Store.open(f"sqlite:///{path}").close()
    assert _revision(path) == migrate.HEAD


def test_the_migrations_speak_postgresql_as_well() -> None:
    sql_output = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": sql_output}
    )
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
            script.module.upgrade()
    sql = sql_output.getvalue()
    assert "CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON audit" in sql
    assert "SERIAL" not in sql


def _upgrade_then_die(upgrade: Callable[..., None]) -> Callable[..., None]:
    def upgrade_and_die(*arguments: Any) -> None:
        upgrade(*arguments)
        raise ZeroDivisionError

    return upgrade_and_die


def _revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        row: tuple[str] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0]
