"""What holds for every test, and a fake portal with a store of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from state.db.store import Store
from tests.databases import PostgresqlServer, copy_sqlite
from tests.fakes.connected_portal import START, ConnectedPortal, HookedHubSpot, example_portal

# An example may take as long as a busy machine needs.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

ENGINES = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines where it uses a store, and nothing of SQLite's own.

    What is SQLite's own: the file (fixture `database`), or the marker `sqlite`.
    """
    if "database_engine" in metafunc.fixturenames:
        only_sqlite = "database" in metafunc.fixturenames or any(
            metafunc.definition.iter_markers("sqlite")
        )
        # The store's own tests run on both engines each time. Use cases send few statements that
        # those do not, and would double the time of all tests: theirs are left to the long ones.
        is_of_store = metafunc.definition.nodeid.startswith("tests/state/")
        second = pytest.param(ENGINES[1], marks=() if is_of_store else pytest.mark.long)
        engines = [ENGINES[0]] if only_sqlite else [ENGINES[0], second]
        metafunc.parametrize("database_engine", engines, indirect=True, scope="function")


@pytest.fixture
def database_engine(request: pytest.FixtureRequest) -> str:
    """Return the engine of this test: `sqlite` or `postgresql`."""
    return str(request.param)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Return a PostgreSQL server, started when it is first asked for."""
    server = PostgresqlServer()
    yield server
    server.close()


@pytest.fixture
def new_database_url(
    tmp_path: Path,
    empty_database: Path,
    database_engine: str,
    postgresql_server: PostgresqlServer,
) -> Iterator[Callable[[], str]]:
    """Make empty databases on the engine of the test; return the URL of each."""
    with ExitStack() as databases:
        numbers = iter(range(1000))

        def new_url() -> str:
            if database_engine == "postgresql":
                return databases.enter_context(postgresql_server.empty_database())
            return copy_sqlite(empty_database, tmp_path / f"connector-{next(numbers)}.db")

        yield new_url


@pytest.fixture
def open_portal(new_database_url: Callable[[], str]) -> Iterator[Callable[..., ConnectedPortal]]:
    """Connect to fake portals that a test defines, and close their stores afterwards."""
    stores: list[Store] = []

    def connect(definition: object = None) -> ConnectedPortal:
        url = new_database_url()
        stores.append(Store.open(url))
        api = HookedHubSpot(definition or example_portal(), START)  # type: ignore[arg-type]  # a test names its own
        return ConnectedPortal(api=api, store=stores[-1], database_url=url)

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
