"""`connector check --trial` as an operator types it: in a test account only, leaving nothing."""

from __future__ import annotations

import json

import pytest

from connector.core.model import ObjectType, Ref
from connector.operations.trial import trial
from connector.operations.trial.clean import Cleaning
from connector.operations.trial.trial_records import MARK
from connector.sandbox.http.faults import Fault
from state.db.store import Store
from tests.journeys.command_line import RunConnector
from tests.journeys.exit_codes import ACTION_NEEDED, DONE
from tests.journeys.workspace import Workspace

pytestmark = pytest.mark.network


def trial_records(workspace: Workspace) -> list[str]:
    names = {"contacts": "lastname", "companies": "name", "deals": "dealname"}
    return [
        str(record.id)
        for kind, name in names.items()
        for record in workspace.portal.records(kind)
        if record.values.get(name, "").startswith(MARK)
    ]


def test_a_trial_shows_and_writes_what_it_saw(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    workspace.portal.switches.account_type = "DEVELOPER_TEST"
    result = run_connector("check", "--trial", "--out", "seen.json")
    assert result.code == DONE, result.err
    assert "backward-write" in result.out
    assert "removed at the end" in result.err
    line = next(line for line in result.err.splitlines() if line.startswith("portal "))
    assert line.startswith("portal 147893286 · policy none (a trial decides nothing) · database ")
    assert line.endswith(" · writes records of its own, removed at the end")
    document = json.loads((workspace.folder / "seen.json").read_text())
    seen = {item["name"]: item["seen"] for item in document["assumptions"]}
    assert seen["backward-write"] == "ignored"
    assert document["records"]["left"] == 0
    assert trial_records(workspace) == []


def test_what_the_product_suffers_from_ends_with_1_and_names_the_switch(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    workspace.portal.switches.account_type = "SANDBOX"
    workspace.portal.switches.clear_refused = True
    result = run_connector("check", "--trial")
    assert result.code == ACTION_NEEDED
    assert "Backward corrections end as refused" in " ".join(result.out.split())
    assert "`clear_refused`" in result.out


def test_an_account_in_use_is_refused_before_the_first_write(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    for options in (["--trial"], ["--trial", "--clean"]):
        result = run_connector("check", *options)
        assert result.code == ACTION_NEEDED
        assert "STANDARD account" in result.err
    assert workspace.sandbox.write_requests() == []


def test_a_trial_that_was_stopped_is_cleaned_before_the_next(
    workspace: Workspace, run_connector: RunConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.portal.switches.account_type = "DEVELOPER_TEST"
    with monkeypatch.context() as patch:
        left_over = Cleaning(left={Ref(ObjectType.CONTACTS, "1")})
        patch.setattr(trial, "archive_created", lambda *_: left_over)
        left = run_connector("check", "--trial")
    assert left.code == ACTION_NEEDED
    assert "are left" in left.out
    assert trial_records(workspace)
    lights = {check["name"]: check["light"] for check in run_connector("check", "--json").json}
    assert lights["trial"] == "warning"
    refused = run_connector("check", "--trial")
    assert refused.code == ACTION_NEEDED
    assert "--clean" in refused.err
    cleaned = run_connector("check", "--trial", "--clean", "--json")
    assert cleaned.code == DONE
    assert cleaned.json["removed"] > 20
    assert trial_records(workspace) == []
    assert run_connector("check", "--trial", "--json").code == DONE
    checks = {check["name"]: check for check in run_connector("check", "--json").json}
    assert "saw nothing unexpected" in checks["trial"]["message"]


def test_cleaning_that_is_refused_says_so_and_keeps_the_trial_open(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    workspace.portal.switches.account_type = "DEVELOPER_TEST"
    workspace.portal.create("contacts", {"lastname": f"{MARK}-x"})
    fault = Fault(kind="400-bare", route="batch_archive", times=0)
    workspace.sandbox.faults.add(fault)
    assert run_connector("check", "--trial").code == ACTION_NEEDED
    result = run_connector("check", "--trial", "--clean")
    assert result.code == ACTION_NEEDED
    assert "none is left" not in result.out
    assert "refused to archive" in result.out
    assert "Listing every record" in result.err
    assert "--clean" in run_connector("check", "--trial").err
    workspace.sandbox.faults.clear()
    assert "none is left" in run_connector("check", "--trial", "--clean").out
    assert trial_records(workspace) == []


def test_a_trial_waits_for_the_writer_of_its_portal(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    workspace.portal.switches.account_type = "DEVELOPER_TEST"
    portal_id = str(workspace.portal.portal_id)
    with (
        Store.open(workspace.environment["CONNECTOR_DATABASE_URL"]) as store,
        store.writer_lock(portal_id, holder_name="connector sync"),
    ):
        for options in (["--trial"], ["--trial", "--clean"]):
            result = run_connector("check", *options)
            assert result.code != DONE
            assert "connector sync" in result.err
    assert workspace.sandbox.write_requests() == []


def test_a_trial_has_no_markdown(run_connector: RunConnector) -> None:
    result = run_connector("check", "--trial", "--format", "markdown")
    assert result.code == ACTION_NEEDED
    assert "markdown" in result.err


@pytest.mark.parametrize("option", [["--clean"], ["--out", "x.json"]])
def test_options_of_a_trial_need_a_trial(run_connector: RunConnector, option: list[str]) -> None:
    result = run_connector("check", *option)
    assert result.code == ACTION_NEEDED
    assert "--trial" in result.err


def test_a_file_that_cannot_be_written_is_named(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    workspace.portal.switches.account_type = "DEVELOPER_TEST"
    result = run_connector("check", "--trial", "--out", "no/such/folder/x.json")
    assert result.code == ACTION_NEEDED
    assert "no/such/folder/x.json" in result.err
    assert workspace.sandbox.write_requests() == []
