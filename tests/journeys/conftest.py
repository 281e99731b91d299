"""Give the journeys workspaces that are closed after the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state import introduced_rules
from state.db.store import Store
from tests.fakes.introduced import preset_rule_names
from tests.journeys import sample_records
from tests.journeys.command_line import run_connector
from tests.journeys.workspace import NOW, TOKEN, Workspace, new_portal

__all__ = ["run_connector"]  # a fixture of every journey


@pytest.fixture(autouse=True)
def _silence_logs() -> Iterator[None]:
    """Silence the logs; undo what a command configures of them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated database, to be copied: migrating costs more than a whole sync."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    Store.open(f"sqlite:///{path}").close()
    return path


def introduce_presets(database: Path, portal_id: str) -> None:
    """Let the rules of the shipped policies go on by themselves, as after a reviewed plan."""
    with Store.open(f"sqlite:///{database}") as store, store.begin(portal_id) as session:
        introduced_rules.add(session, preset_rule_names(), run="review", at=NOW)


@pytest.fixture
def new_workspace(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Workspace]]:
    """Create workspaces, each with a folder and a sandbox of its own."""
    with ExitStack() as stack:
        number = 0

        def create(portal: Portal | None = None, **overrides: str) -> Workspace:
            nonlocal number
            number += 1
            folder = tmp_path / str(number)
            folder.mkdir()
            shutil.copy(empty_database, folder / "connector.db")
            portal = portal or new_portal()
            introduce_presets(folder / "connector.db", str(portal.portal_id))
            sandbox = stack.enter_context(Sandbox(portal, token=TOKEN))
            return Workspace(portal=portal, sandbox=sandbox, folder=folder, overrides=overrides)

        yield create


@pytest.fixture
def workspace(new_workspace: Callable[..., Workspace]) -> Workspace:
    return new_workspace()


@pytest.fixture
def anna(workspace: Workspace) -> str:
    """Return a contact who is to become an opportunity."""
    contact_id = sample_records.create_contact(workspace.portal, "anna", "lead")
    sample_records.create_deal(workspace.portal, [sample_records.OPEN], contacts=[contact_id])
    return contact_id
