"""`policy init` looks at a portal's mirror: what it writes holds, and names no person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.cli import main
from connector.sandbox.world.first_run import WORLDS, fill_first_run
from tests.journeys.workspace import Workspace, new_portal


@pytest.fixture
def small_portal(
    new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace on the small, untidy portal, whose settings the commands find."""
    portal = new_portal(running=True)
    fill_first_run(portal, "small")
    workspace = new_workspace(portal)
    (workspace.folder / "connector.db").unlink()
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    return workspace


def test_what_it_writes_of_a_mirror_passes_check_and_test_and_names_nobody(
    small_portal: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["pull"]) == 0
    assert main.run_command(["policy", "init", "mine.yaml", "--yes"]) == 0
    text = (small_portal.folder / "mine.yaml").read_text(encoding="utf-8")
    cases = (small_portal.folder / "mine.cases.yaml").read_text(encoding="utf-8")
    assert "exclude: [Recruiting]" in text
    candidates = WORLDS["small"].contacts["candidate"]
    assert f"Recruiting: {candidates} deals, {candidates} contacts, 0 of them bought" in text
    assert "contacts whose latest form it is" in text
    assert "# Customer (" in text
    for command in ("check", "test"):
        assert main.run_command(["policy", command, "mine.yaml"]) == 0, command
    assert "16 passed, 0 failed" in capsys.readouterr().out
    people = [
        value.casefold()
        for record in small_portal.portal.records("contacts")
        for name in ("email", "lastname")
        if (value := record.values.get(name, ""))
    ]
    written = f"{text}{cases}".casefold().split()
    assert people
    assert set(written).isdisjoint(people)


def test_without_a_mirror_it_says_what_to_type_first(
    small_portal: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["policy", "init", "mine.yaml", "--yes"]) == 0
    assert "`connector pull` first" in capsys.readouterr().err
    assert main.run_command(["policy", "test", "mine.yaml"]) == 0
