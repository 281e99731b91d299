"""`policy init` looks at a portal's mirror: what it writes holds, and names no person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.cli import main
from connector.hubspot.http.failures import BadAnswer
from connector.sandbox.http.faults import Fault
from connector.sandbox.world.first_run import WORLDS, fill_first_run
from tests.journeys.workspace import Workspace, new_portal


@pytest.fixture
def small_portal(
    new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace on the small, untidy portal, whose settings the commands find."""
    portal = new_portal(running=True)
    fill_first_run(portal, "small")
    return enter_folder(new_workspace(portal), monkeypatch)


@pytest.fixture
def empty_portal(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace on a portal without records or owners, as `small_portal` does."""
    workspace.portal.schema.owners.clear()
    return enter_folder(workspace, monkeypatch)


def enter_folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Let the commands find the workspace's settings, and no mirror."""
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


def test_it_proposes_the_domains_of_the_owners_and_none_of_free_e_mail(
    empty_portal: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    portal = empty_portal.portal
    for name in ("eva@fjord.example", "tor@gmail.com", "kim@Partner.example", "ida@fjord.example"):
        portal.add_owner(name, "First", "Last")
    portal.add_owner("", "Queue", "Sales")
    portal.create("contacts", {"email": "ola@fjord.example"})
    assert main.run_command(["pull"]) == 0
    assert main.run_command(["policy", "init", "mine.yaml", "--yes"]) == 0
    assert empty_portal.sandbox.request_count("owners") == 1
    text = (empty_portal.folder / "mine.yaml").read_text(encoding="utf-8")
    assert "    domains: [fjord.example, partner.example]\n" in text
    assert "        1  fjord.example\n" in text
    assert "        0  partner.example\n" in text
    assert "gmail.com" not in text
    assert "eva@" not in text
    assert "crm.objects.owners.read" not in capsys.readouterr().err
    assert main.run_command(["policy", "check", "mine.yaml"]) == 0


def test_without_the_scope_it_proposes_no_domain_and_says_so(
    empty_portal: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_portal.portal.add_owner("eva@fjord.example", "Eva", "Lie")
    empty_portal.portal.switches.scopes.remove("crm.objects.owners.read")
    assert main.run_command(["policy", "init", "mine.yaml", "--yes"]) == 0
    assert "`crm.objects.owners.read`" in capsys.readouterr().err
    text = (empty_portal.folder / "mine.yaml").read_text(encoding="utf-8")
    assert "    domains: []   # e.g." in text


def test_many_owners_are_read_page_by_page_and_a_list_without_end_is_given_up(
    workspace: Workspace,
) -> None:
    workspace.portal.schema.owners.clear()
    emails = [f"o{number}@fjord.example" for number in range(501)]
    for email in emails:
        workspace.portal.add_owner(email, "First", "Last")
    with workspace.open_context() as context:
        assert list(context.api.owner_emails()) == emails
        assert workspace.sandbox.request_count("owners") == 2
        workspace.sandbox.faults.add(Fault(kind="standing-cursor", route="owners", times=0))
        with pytest.raises(BadAnswer, match="owners do not advance"):
            context.api.owner_emails()
