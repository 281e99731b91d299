"""Wrong settings, failures of HubSpot and wrong usage end with a message and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from threading import Event

import pytest

from connector.cli import main
from connector.sandbox.http.call import Request
from connector.sandbox.http.faults import Fault
from tests.journeys import kill_process
from tests.journeys.command_line import RunConnector
from tests.journeys.exit_codes import ACTION_NEEDED, BUG, DONE, INTERRUPTED, TRY_LATER
from tests.journeys.sample_records import (
    create_mixed_records,
    create_reopened_customer,
)
from tests.journeys.workspace import TOKEN, Workspace, new_portal

# What is wrong with the settings


def test_without_a_token_it_says_which_setting_and_how_to_try_without(
    run_connector: RunConnector,
) -> None:
    result = run_connector("sync", HUBSPOT_ACCESS_TOKEN="")
    assert result.code == ACTION_NEEDED
    assert "HUBSPOT_ACCESS_TOKEN" in result.err
    assert "connector demo" in result.err


def test_a_token_that_hubspot_does_not_know_is_named_and_not_shown(
    run_connector: RunConnector,
) -> None:
    result = run_connector("pull", HUBSPOT_ACCESS_TOKEN="pat-eu1-of-somebody-else")
    assert result.code == ACTION_NEEDED
    assert "HUBSPOT_ACCESS_TOKEN" in result.err
    assert "somebody" not in result.out + result.err


@pytest.mark.parametrize("command", ["pull", "plan", "apply", "sync", "explain contacts/1"])
def test_a_token_of_another_portal_writes_nothing_and_reads_no_record(
    workspace: Workspace, run_connector: RunConnector, command: str
) -> None:
    create_mixed_records(workspace.portal)
    before = (workspace.folder / "connector.db").read_bytes()
    result = run_connector(*command.split(), HUBSPOT_PORTAL_ID="4711")
    assert result.code == ACTION_NEEDED
    assert "4711" in result.err
    assert str(workspace.portal.portal_id) in result.err
    assert {request.route for request in workspace.sandbox.requests} <= {
        "account",
        "properties",
        "pipelines",
    }
    assert (workspace.folder / "connector.db").read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HUBSPOT_PORTAL_ID", "12a"),
        ("HUBSPOT_API_VERSION", "v4"),
        ("CONNECTOR_DATABASE_URL", "mysql://root@localhost/x"),
        ("CONNECTOR_RECHECK_SECONDS", "soon"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(
    run_connector: RunConnector, setting: str, value: str
) -> None:
    result = run_connector("sync", **{setting: value})
    assert result.code == ACTION_NEEDED
    assert setting in result.err
    assert value in result.err


def test_a_misspelt_setting_in_the_file_is_answered_with_the_nearest_one(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    (workspace.folder / "connector.toml").write_text('hubspot_portal_di = "1"\n', encoding="utf-8")
    result = run_connector("sync")
    assert result.code == ACTION_NEEDED
    assert "did you mean HUBSPOT_PORTAL_ID?" in result.err


def test_a_token_may_lie_in_a_file(
    workspace: Workspace, run_connector: RunConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    result = run_connector("pull", HUBSPOT_ACCESS_TOKEN="", HUBSPOT_ACCESS_TOKEN_FILE="token")
    assert (result.code, result.err.count("Error")) == (DONE, 0)


def test_an_unknown_policy_is_answered_with_the_presets(run_connector: RunConnector) -> None:
    result = run_connector("plan", "--policy", "standart")
    assert result.code == ACTION_NEEDED
    assert "standart" in result.err
    assert "standard" in result.err


def test_a_broken_policy_is_named_by_file_line_and_column(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    policy_text = "extends: standard\nsettings:\n  default_stag: lead\n"
    (workspace.folder / "ours.yaml").write_text(policy_text, encoding="utf-8")
    result = run_connector("sync", CONNECTOR_POLICY="ours.yaml")
    assert result.code == ACTION_NEEDED
    assert "ours.yaml:3:3: " in result.err
    assert "default_stage" in result.err
    assert workspace.sandbox.requests == []


def test_a_policy_that_names_a_stage_which_the_portal_lacks_lists_those_it_has(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    policy_text = "extends: standard\nsettings:\n  default_stage: Kunde\n"
    (workspace.folder / "ours.yaml").write_text(policy_text, encoding="utf-8")
    result = run_connector("sync", CONNECTOR_POLICY="ours.yaml")
    assert result.code == ACTION_NEEDED
    assert "ours.yaml:3:18: " in result.err
    assert "Customer" in result.err
    assert workspace.sandbox.write_requests() == []


# What HubSpot says


@pytest.mark.parametrize("command", ["pull", "sync"])
def test_a_missing_read_scope_is_named(
    workspace: Workspace, run_connector: RunConnector, command: str
) -> None:
    workspace.portal.switches.scopes.discard("crm.objects.deals.read")
    result = run_connector(command)
    assert result.code == ACTION_NEEDED
    assert "crm.objects.deals.read" in result.err


def test_a_missing_write_scope_is_named_and_nothing_is_blank(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    workspace.portal.switches.scopes.discard("crm.objects.contacts.write")
    result = run_connector("sync")
    assert result.code == ACTION_NEEDED
    assert "crm.objects.contacts.write" in result.err
    assert workspace.blank_records() == []


@pytest.mark.parametrize("kind", ["500", "502", "503", "reset", "429-daily", "477"])
def test_where_hubspot_stays_away_it_ends_with_4_and_the_next_one_goes_on(
    workspace: Workspace, run_connector: RunConnector, kind: str
) -> None:
    anna = create_reopened_customer(workspace.portal)
    workspace.sandbox.faults.add(Fault(route="search", kind=kind, times=0))
    result = run_connector("sync")
    assert result.code == TRY_LATER
    assert result.err.splitlines()[-1].startswith("Not now: ")
    workspace.sandbox.faults.clear()
    assert run_connector("sync").code == DONE
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "opportunity"


def test_where_nothing_listens_it_ends_with_4(run_connector: RunConnector) -> None:
    result = run_connector("pull", HUBSPOT_API_URL="http://127.0.0.1:9")
    assert result.code == TRY_LATER
    assert "HUBSPOT_API_URL" in result.err


def test_what_is_no_hubspot_ends_with_4_and_names_the_setting(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    result = run_connector("pull", HUBSPOT_API_URL=f"{workspace.sandbox.url}/nothing/here")
    # A page of HTML may pass by itself: it was asked for again before anybody is told.
    assert result.code == TRY_LATER
    assert "HUBSPOT_API_URL" in result.err


# How a command may end


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sync --faster", "--faster"),
        ("synch", "did you mean sync?"),
        ("plan --policy", "'--policy' requires an argument"),
        ("explain", "Name a record, such as `contact 123`"),
        ("audit proof", "'proof' is not"),
        ("sandbox --port 99999", "--port"),
        ("", "Commands:"),
    ],
)
def test_wrong_usage_ends_with_1_and_says_what_is_wrong(
    workspace: Workspace, run_connector: RunConnector, line: str, message: str
) -> None:
    result = run_connector(*line.split())
    assert result.code == ACTION_NEEDED
    assert message in result.err
    assert "Traceback" not in result.err
    assert workspace.sandbox.requests == []


def test_a_bug_of_ours_ends_with_3_and_a_traceback(
    run_connector: RunConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("connector.cli.cycle.sync_all", crash)
    result = run_connector("sync")
    assert result.code == BUG
    assert "ZeroDivisionError" in result.err


def test_interrupted_in_the_gap_it_ends_with_130_and_the_next_start_finishes(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    anna = create_reopened_customer(workspace.portal)

    def interrupt(request: Request) -> None:
        if request.route == "batch_update":
            workspace.sandbox.before_answer = None  # once: a second one ends it at once
            process.signal(signal.SIGINT)

    # It waits for the answer to the clear: however busy the machine, the signal comes first.
    workspace.sandbox.before_answer = interrupt
    process = kill_process.start(workspace, "sync")
    assert process.wait() == INTERRUPTED
    assert "Interrupted" in (workspace.folder / "err").read_text(encoding="utf-8")
    assert kill_process.run(workspace, "sync") == DONE
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "opportunity"
    assert workspace.open_moves() == ()


def test_interrupted_in_an_outage_it_ends_without_waiting_for_its_requests(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    create_mixed_records(workspace.portal)
    is_asked, may_answer = Event(), Event()

    def hold_pages(request: Request) -> None:
        if request.route == "list":
            is_asked.set()
            may_answer.wait(120)

    workspace.sandbox.before_answer = hold_pages
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTIBLE, "pull"],
        cwd=workspace.folder,
        env={**os.environ, **workspace.environment},
        stderr=subprocess.PIPE,
    )
    try:
        assert is_asked.wait(60)
        process.send_signal(signal.SIGINT)
        # A request would be waited for 60 seconds, and then sent again.
        _, errors = process.communicate(timeout=50)
    finally:
        may_answer.set()
        process.kill()
    assert process.returncode == INTERRUPTED
    assert b"Interrupted" in errors


# A shell lets what it starts in the background ignore Ctrl-C, and that is inherited.
_INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from connector.cli.main import main; main()"
)


def test_who_comes_while_another_one_writes_is_told_who_and_waits(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    create_mixed_records(workspace.portal)
    with (
        workspace.store() as store,
        store.writer_lock(str(workspace.portal.portal_id), holder_name="the daemon"),
    ):
        result = run_connector("sync")
    assert result.code == TRY_LATER
    assert "the daemon" in result.err
    assert workspace.sandbox.write_requests() == []


def test_the_module_is_the_same_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "connector", "--version"], capture_output=True, check=False
    )
    assert result.returncode == DONE
    assert result.stdout.startswith(b"connector, version ")


@pytest.mark.parametrize("name", ["", *main.COMMANDS])
def test_every_command_has_a_help(run_connector: RunConnector, name: str) -> None:
    result = run_connector(*filter(None, [name, "--help"]))
    assert result.code == DONE
    assert f"Usage: connector {name}".rstrip() in result.out
