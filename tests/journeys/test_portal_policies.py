"""Each portal of a fleet is decided by its own policy, whichever command or worker decides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from connector.cli import run as run_command
from connector.config import settings
from connector.config.settings import Settings
from connector.core.corrections.moves import Phase
from connector.core.model import Ref
from connector.fleet.portal_work import new_portal_work
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state import checkpoints, outbox
from tests.fakes.moves import backward_correction, move_of
from tests.journeys import sample_records
from tests.journeys.command_line import RunConnector
from tests.journeys.served_fleet import Fleet
from tests.journeys.workspace import Workspace

pytestmark = pytest.mark.network
OWN_POLICY = "extends: standard\nname: own\nsettings: {stages: [evangelist]}\n"
"""It names no stage of a contact in the portal: nothing is corrected."""


@pytest.fixture
def fleet(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Serve a portal whose contact the standard policy would make a customer."""
    folder = workspace.folder / "portals"
    folder.mkdir()
    monkeypatch.setenv("CONNECTOR_PORTALS", str(folder))
    monkeypatch.setenv("CONNECTOR_WRITES", "apply")
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    portal = Portal(portal_id=42, time_zone="Europe/Oslo")
    _create_won_lead(portal, "anna")
    with Sandbox(portal, token="pat-of-acme") as sandbox:
        served = Fleet(folder=folder, sandboxes={"acme": sandbox})
        served.write_file("acme")
        yield served


def _create_won_lead(portal: Portal, name: str) -> None:
    contact_id = sample_records.create_contact(portal, name, "lead")
    sample_records.create_deal(portal, [sample_records.WON], contacts=[contact_id])


@pytest.fixture
def own_policy(workspace: Workspace) -> Path:
    path = workspace.folder / "own.yaml"
    path.write_text(OWN_POLICY, encoding="utf-8")
    return path


def test_a_worker_decides_by_the_policy_that_was_set_for_the_portal(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace, own_policy: Path
) -> None:
    assert run_connector("pull", "--portal", "acme").code == 0
    assert run_connector("policy", "use", str(own_policy), "--portal", "acme").code == 0
    with workspace.store() as store:
        work = new_portal_work(store, settings.read_portals().find("acme"), time.monotonic)
        for _ in range(2):
            work.run_cycle()
        work.close()
    assert fleet.stages("acme") == ["lead"]


def test_a_worker_takes_a_policy_that_is_set_while_it_runs(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace, own_policy: Path
) -> None:
    assert run_connector("pull", "--portal", "acme").code == 0
    with workspace.store() as store:
        work = new_portal_work(store, settings.read_portals().find("acme"), time.monotonic)
        work.run_cycle()
        assert run_connector("policy", "use", str(own_policy), "--portal", "acme").code == 0
        with structlog.testing.capture_logs() as logs:
            work.run_cycle()
        work.close()
    assert [entry["policy"] for entry in logs if entry["event"] == "policy.read"] == ["own"]


def test_a_worker_never_replaces_a_portals_last_policy_by_the_default(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace, own_policy: Path
) -> None:
    synced = run_connector("sync", "--portal", "acme", "--policy", str(own_policy))
    assert synced.code == 0, synced.err
    with workspace.store() as store:
        work = new_portal_work(store, settings.read_portals().find("acme"), time.monotonic)
        for _ in range(2):
            work.run_cycle()
        work.close()
    assert fleet.stages("acme") == ["lead"]
    checked = run_connector("portals", "check", "acme")
    assert checked.code == 1
    assert "was last decided by the policy" in checked.out


def test_a_report_rests_on_the_policy_of_its_portal(
    fleet: Fleet, run_connector: RunConnector, own_policy: Path
) -> None:
    assert run_connector("pull", "--portal", "acme").code == 0
    assert run_connector("policy", "use", str(own_policy), "--portal", "acme").code == 0
    own_policy.unlink()
    reported = run_connector("report", "hygiene", "--portal", "acme")
    assert reported.code == 1
    assert str(own_policy) in reported.err


def test_the_policy_that_run_is_told_stands_above_that_of_the_portals_file(
    fleet: Fleet,
    run_connector: RunConnector,
    own_policy: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet.write_file("acme", 'policy = "standard"')
    read: list[Settings] = []

    def run_daemon(read_settings: object, *_: object) -> int:
        read.append(read_settings())  # type: ignore[operator]  # a function without arguments
        return 0

    monkeypatch.setattr(run_command, "run_daemon", run_daemon)
    assert run_connector("run", "--portal", "acme", "--policy", str(own_policy)).code == 0
    assert run_connector("run", "--portal", "acme").code == 0
    assert [settings.policy for settings in read] == [str(own_policy), "standard"]


def test_a_daemon_without_a_named_policy_refuses_to_replace_the_last_one(
    fleet: Fleet, run_connector: RunConnector, own_policy: Path
) -> None:
    synced = run_connector("sync", "--portal", "acme", "--policy", str(own_policy))
    assert synced.code == 0, synced.err
    refused = run_connector("run", "--portal", "acme", CONNECTOR_LISTEN="127.0.0.1:0")
    assert refused.code == 1
    assert "was last decided by the policy" in refused.err
    assert fleet.stages("acme") == ["lead"]


def _contact_ref(fleet: Fleet) -> Ref:
    (contact,) = fleet.portal("acme").records("contacts")
    return Ref.parse(f"contacts/{contact.id}")


def _leave_blank(fleet: Fleet, workspace: Workspace) -> None:
    """Leave the contact without a stage, as a process does that is killed in mid-move."""
    portal = fleet.portal("acme")
    ref = _contact_ref(fleet)
    with workspace.store() as store, store.begin("42") as session:
        correction = backward_correction(ref, before="lead", after="subscriber")
        at = datetime.fromtimestamp(portal.clock.ms() / 1000, UTC)
        outbox.promise(session, [move_of(correction, at=at, phase=Phase.CLEARED)])
    portal.api_update("contacts", ref.id, {"lifecyclestage": ""})
    assert fleet.stages("acme") == [""]


@pytest.mark.parametrize("is_policy_gone", [False, True])
def test_a_refused_policy_leaves_no_record_without_a_stage(
    fleet: Fleet,
    run_connector: RunConnector,
    workspace: Workspace,
    own_policy: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_policy_gone: bool,
) -> None:
    monkeypatch.setenv("CONNECTOR_RECHECK_SECONDS", "0.01")
    synced = run_connector("sync", "--portal", "acme", "--policy", str(own_policy))
    assert synced.code == 0, synced.err
    if is_policy_gone:
        own_policy.unlink()
    _leave_blank(fleet, workspace)
    refused = run_connector("run", "--portal", "acme", CONNECTOR_LISTEN="127.0.0.1:0")
    assert refused.code == 1
    assert "was last decided by the policy" in refused.err
    assert "read or written" not in refused.err
    assert fleet.stages("acme") == ["subscriber"]


def test_a_refused_policy_tries_what_hubspot_did_not_take_at_its_time_and_within_the_shared_pace(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace, own_policy: Path
) -> None:
    synced = run_connector("sync", "--portal", "acme", "--policy", str(own_policy))
    assert synced.code == 0, synced.err
    _leave_blank(fleet, workspace)
    slots = workspace.folder / "connector.db.42.turns"
    slots.unlink()
    ref, since = str(_contact_ref(fleet)), "2020-01-01T00:00:00+00:00"
    for next_try_at, stages in (("2999-01-01T00:00:00+00:00", [""]), (since, ["subscriber"])):
        stuck = {"tries": 3, "since": since, "next_try_at": next_try_at, "reason": "refused"}
        with workspace.store() as store, store.begin("42") as session:
            checkpoints.put(session, "stuck-moves", {ref: stuck})
        refused = run_connector("run", "--portal", "acme", CONNECTOR_LISTEN="127.0.0.1:0")
        assert "was last decided by the policy" in refused.err
        assert fleet.stages("acme") == stages
    assert slots.exists()


def test_a_worker_whose_policy_is_wrong_finishes_open_moves_first(
    fleet: Fleet, run_connector: RunConnector, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_RECHECK_SECONDS", "0.01")
    assert run_connector("pull", "--portal", "acme").code == 0
    fleet.write_file("acme", 'policy = "gone.yaml"')
    _leave_blank(fleet, workspace)
    with workspace.store() as store:
        work = new_portal_work(store, settings.read_portals().find("acme"), time.monotonic)
        work.run_cycle()
        work.close()
    assert fleet.stages("acme") == ["subscriber"]


@pytest.mark.parametrize("is_policy_gone", [False, True])
def test_recover_finishes_open_moves_whichever_policy_decides_from_now_on(
    fleet: Fleet,
    run_connector: RunConnector,
    workspace: Workspace,
    own_policy: Path,
    *,
    is_policy_gone: bool,
) -> None:
    synced = run_connector("sync", "--portal", "acme", "--policy", str(own_policy))
    assert synced.code == 0, synced.err
    _leave_blank(fleet, workspace)
    if is_policy_gone:
        own_policy.unlink()
    recovered = run_connector("recover", "--portal", "acme")
    assert recovered.code == 0, recovered.err
    assert fleet.stages("acme") == ["subscriber"]


def test_no_command_reads_or_redacts_every_portal_where_one_was_to_be_named(
    fleet: Fleet, run_connector: RunConnector
) -> None:
    assert run_connector("pull", "--portal", "acme").code == 0
    (fleet.folder / "bolt.toml").write_text('portal_id = 43\ntoken = "x"\n', encoding="utf-8")
    for command in (
        "audit",
        "audit verify",
        "audit redact contacts/123 --yes",
        "runs",
        "report hygiene",
    ):
        refused = run_connector(*command.split())
        assert refused.code == 1, command
        assert "There are several portals (acme, bolt)" in refused.err, command
        assert "--portal NAME" in refused.err, command


def test_a_policy_with_a_mistake_is_named_by_the_check_of_its_portal(
    fleet: Fleet, run_connector: RunConnector, own_policy: Path
) -> None:
    assert run_connector("pull", "--portal", "acme").code == 0
    assert run_connector("policy", "use", str(own_policy), "--portal", "acme").code == 0
    own_policy.unlink()
    checked = run_connector("portals", "check", "acme")
    assert checked.code == 1
    assert str(own_policy) in checked.out
