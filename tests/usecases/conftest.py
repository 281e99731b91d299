"""Give each test an office of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from state.store import Store
from tests.usecases.office import START, BusyPortal, Office, portal


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def open_office(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Office]]:
    """Open offices with a portal that a test names, and close their stores afterwards."""
    stores: list[Store] = []

    def opened(what: object = None) -> Office:
        path = shutil.copy(empty_database, tmp_path / f"connector-{len(stores)}.db")
        stores.append(Store.open(f"sqlite:///{path}"))
        door = BusyPortal(what or portal(), START)  # type: ignore[arg-type]  # a test names its own
        return Office(door=door, store=stores[-1])

    yield opened
    for one in stores:
        one.close()


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    return open_office()
