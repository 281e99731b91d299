"""No output and no log holds a token or a person's address."""

from __future__ import annotations

from state.db.store import Store
from tests.journeys.command_line import RunConnector
from tests.journeys.sample_records import (
    create_mixed_records,
)
from tests.journeys.workspace import TOKEN, Workspace


def test_the_token_is_in_no_output_and_not_in_the_database(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    commands = ("check", "pull", "plan", "sync", "audit", "audit verify", "explain contacts/1")
    results = [run_connector(*command.split()) for command in commands]
    workspace.portal.switches.scopes.clear()
    results += [run_connector(*command.split()) for command in commands]
    workspace.sandbox.dispatcher.tokens.clear()
    results += [run_connector(*command.split()) for command in commands]
    assert all(TOKEN not in result.out + result.err for result in results)
    Store.open(workspace.environment["CONNECTOR_DATABASE_URL"]).close()
    assert TOKEN.encode() not in (workspace.folder / "connector.db").read_bytes()


def test_no_address_of_a_person_is_in_the_logs(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    workspace.sandbox.faults.add_random(rate=0.2, kinds=["500", "429-secondly", "207"], seed=3)
    logs = [run_connector("sync").err for _ in range(3)]
    assert any(logs)
    assert not any("@" in text or "anna" in text for text in logs)
