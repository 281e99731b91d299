"""What holds for every test, and a fake portal with a store of its own for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from state.db.store import Store
from tests.fakes.connected_portal import START, ConnectedPortal, HookedHubSpot, example_portal

# An example may take as long as a busy machine needs.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def open_portal(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., ConnectedPortal]]:
    """Connect to fake portals that a test defines, and close their stores afterwards."""
    stores: list[Store] = []

    def connect(definition: object = None) -> ConnectedPortal:
        path = shutil.copy(empty_database, tmp_path / f"connector-{len(stores)}.db")
        stores.append(Store.open(f"sqlite:///{path}"))
        api = HookedHubSpot(definition or example_portal(), START)  # type: ignore[arg-type]  # a test names its own
        return ConnectedPortal(api=api, store=stores[-1])

    yield connect
    for store in stores:
        store.close()


@pytest.fixture
def portal(open_portal: Callable[..., ConnectedPortal]) -> ConnectedPortal:
    return open_portal()


@pytest.fixture(autouse=True)
def _logs_as_at_the_start() -> Iterator[None]:
    """Reset what a command configured: its stream is closed when its test has ended."""
    yield
    structlog.reset_defaults()
