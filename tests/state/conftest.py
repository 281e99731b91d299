"""Give each test a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import PORTAL


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """Return the path of an empty database of the test's own."""
    return Path(shutil.copy(empty_database, tmp_path / "connector.db"))


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    """Return an open, empty database."""
    with Store.open(f"sqlite:///{database}") as opened_store:
        yield opened_store


@pytest.fixture
def session(store: Store) -> Iterator[Transaction]:
    """Return one writing transaction."""
    with store.begin(PORTAL) as transaction:
        yield transaction
