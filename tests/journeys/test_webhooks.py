"""Events only make records due: however they arrive, the result is the same as by polling alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.portal.portal import Portal
from state import webhook_inbox
from tests.journeys.live_daemon import (
    POLICY,
    WEBHOOK_SECRET,
    Daemon,
    PortalActivity,
    prepare_daemon,
    wait_until,
    write_file,
)
from tests.journeys.workspace import Workspace, lines_applied_twice, new_portal

NewWorkspace = Callable[..., Workspace]


def _stages_by_polling(
    new_workspace: NewWorkspace, seed: int, action_count: int
) -> dict[str, tuple[str, str]]:
    """Let the same things happen elsewhere, and synchronise once after them."""
    portal = new_portal()
    workspace = new_workspace(portal)
    workspace.overrides = {
        "CONNECTOR_POLICY": str(write_file(workspace.folder, "policy.yaml", POLICY))
    }
    activity = PortalActivity(portal, seed)
    for _ in range(action_count):
        activity.act_once()
    with workspace.repeated_syncs() as sync:
        while sync().outcomes:
            continue
    return activity.stages()


def _act_repeatedly(live_daemon: Daemon, activity: PortalActivity, action_count: int) -> None:
    for _ in range(action_count):
        activity.act_once()
        time.sleep(0.002)


def _is_quiet(live_daemon: Daemon) -> bool:
    """Return whether everything is delivered, and was looked at."""
    assert live_daemon.workspace.sandbox.deliveries
    delivered = live_daemon.workspace.sandbox.deliveries.wait_until_idle(10)
    return delivered and "connector_events_waiting 0.0" in live_daemon.get("/metrics")[1]


def _count_events(live_daemon: Daemon) -> int:
    """Return how many events the inbox has seen."""
    portal_id = str(live_daemon.workspace.portal.portal_id)
    with live_daemon.workspace.store() as store, store.reading(portal_id) as session:
        assert webhook_inbox.count_waiting(session).count == 0
        return session.connection().exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()


def _check_survival(
    new_workspace: NewWorkspace, action_count: int, seed: int, *, min_events: int
) -> None:
    expected = _stages_by_polling(new_workspace, seed, action_count)
    portal: Portal = new_portal(running=True)
    workspace = new_workspace(portal)
    activity = PortalActivity(portal, seed)
    with prepare_daemon(workspace) as live_daemon:
        target = f"{live_daemon.url}/webhooks/hubspot"
        delivery_options = DeliverySettings(
            target=target, secret=WEBHOOK_SECRET, shuffle=True, duplicate=0.2, drop=0.3, seed=seed
        )
        workspace.sandbox.set_deliveries(delivery_options)
        assert workspace.sandbox.deliveries
        for part in range(3):
            live_daemon.start()
            wait_until(lambda: live_daemon.get("/readyz")[0] == 200)
            _act_repeatedly(
                live_daemon, activity, action_count // 3 + (action_count % 3 if part == 2 else 0)
            )
            if part < 2:
                live_daemon.kill()
        wait_until(
            lambda: activity.stages() == expected and _is_quiet(live_daemon)
        )  # echoes included
        counts = workspace.sandbox.deliveries.counts
        exit_code = live_daemon.stop()
    assert exit_code == 0
    assert activity.stages() == expected
    assert counts["sent_by_portal"] >= min_events
    assert counts["dropped"] and counts["duplicated"] and counts["delivered"]
    assert _count_events(live_daemon) > 0
    assert lines_applied_twice(workspace.audit_lines()) == []
    assert workspace.open_moves() == ()
    assert workspace.blank_records() == []


@pytest.mark.network
def test_shuffled_duplicated_and_dropped_events_lead_where_polling_leads(
    new_workspace: NewWorkspace,
) -> None:
    _check_survival(new_workspace, 100, seed=6, min_events=150)


@pytest.mark.long
@pytest.mark.network
def test_a_thousand_events_and_two_kills_lead_where_polling_leads(
    new_workspace: NewWorkspace,
) -> None:
    _check_survival(new_workspace, 600, seed=7, min_events=1000)
