"""Give each test a database of its own, once on each engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import PORTAL


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """Return the path of an empty SQLite database of the test's own."""
    return Path(shutil.copy(empty_database, tmp_path / "connector.db"))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, new_database_url: Callable[[], str]) -> str:
    """Return the URL of an empty database; of the file, where the test looks into it."""
    if "database" in request.fixturenames:
        return f"sqlite:///{request.getfixturevalue('database')}"
    return new_database_url()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Return an open, empty database."""
    with Store.open(database_url) as opened_store:
        yield opened_store


@pytest.fixture
def session(store: Store) -> Iterator[Transaction]:
    """Return one writing transaction."""
    with store.begin(PORTAL) as transaction:
        yield transaction
