"""What the daemon promises over time: memory stays flat, nothing stays open, the state is right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.plan.propose import propose
from connector.sandbox.http.deliveries import DeliverySettings
from tests.journeys import sample_records
from tests.journeys.live_daemon import (
    WEBHOOK_SECRET,
    Daemon,
    PortalActivity,
    prepare_daemon,
    wait_until,
)
from tests.journeys.workspace import Workspace, new_portal

# Twenty minutes; SOAK_SECONDS=120 is a first look.
SECONDS = float(os.environ.get("SOAK_SECONDS", "1200"))
WARM_UP_SHARE = 0.25
# A portal that grew for ever would take ever more memory to decide: old deals are archived.
MAX_DEALS = 80
FAULTS = ["500", "502", "503", "504", "423", "429-secondly", "reset", "truncated", "empty", "html"]


def _memory_kib(live_daemon: Daemon) -> int:
    """Return what the process holds in memory, in KiB."""
    assert live_daemon.connector
    status = Path(f"/proc/{live_daemon.connector.process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def _edit_by_hand(workspace: Workspace, activity: PortalActivity) -> None:
    """Let somebody set a stage or a status by hand."""
    contact_id = activity.random.choice(activity.contacts)
    values = activity.random.choice(
        [{"hs_lead_status": "CONNECTED"}, {"lifecyclestage": "opportunity"}, {"hs_lead_status": ""}]
    )
    workspace.portal.edit("contacts", contact_id, values)


def _run_activity(
    workspace: Workspace, live_daemon: Daemon, activity: PortalActivity, deadline: float
) -> list[int]:
    """Let the portal live until then; return the daemon's memory second by second."""
    memory = []
    while time.monotonic() < deadline:
        activity.act_once()
        if activity.random.random() < 0.2:
            _edit_by_hand(workspace, activity)
        if activity.random.random() < 0.1:
            activity.contacts.append(
                sample_records.create_contact(workspace.portal, f"n{time.monotonic_ns()}", "lead")
            )
        if len(activity.deals) > MAX_DEALS:
            workspace.portal.archive("deals", activity.deals.pop(0))
        memory.append(_memory_kib(live_daemon))
        time.sleep(0.2)
    return memory


@pytest.mark.long
@pytest.mark.network
@pytest.mark.timeout(3600)
def test_a_long_run_stays_flat_and_ends_right(new_workspace: Callable[..., Workspace]) -> None:
    workspace = new_workspace(new_portal(running=True))
    activity = PortalActivity(workspace.portal, 11)
    workspace.portal.switches.latency_seconds = 0.05
    with prepare_daemon(workspace, CONNECTOR_POLL_SECONDS="5") as live_daemon:
        workspace.sandbox.set_deliveries(
            DeliverySettings(
                target=f"{live_daemon.url}/webhooks/hubspot",
                secret=WEBHOOK_SECRET,
                shuffle=True,
                drop=0.1,
            )
        )
        started = time.monotonic()
        for _ in range(2):  # restarts, by kill and by word, before memory is looked at
            live_daemon.start()
            wait_until(lambda: live_daemon.get("/readyz")[0] == 200)
            workspace.sandbox.faults.add_random(rate=0.05, kinds=FAULTS, seed=5)
            _run_activity(workspace, live_daemon, activity, time.monotonic() + 0.05 * SECONDS)
            workspace.sandbox.faults.clear()
            live_daemon.kill()
        live_daemon.start()
        wait_until(lambda: live_daemon.get("/readyz")[0] == 200)
        workspace.sandbox.faults.add_random(rate=0.05, kinds=FAULTS, seed=6)
        memory = _run_activity(workspace, live_daemon, activity, started + SECONDS)
        workspace.sandbox.faults.clear()
        assert workspace.sandbox.deliveries
        wait_until(
            lambda: (
                workspace.sandbox.deliveries and workspace.sandbox.deliveries.wait_until_idle(10)
            ),
            120,
        )
        wait_until(lambda: _is_idle(live_daemon), 120)
        assert live_daemon.stop() == 0
    warm_memory = memory[int(WARM_UP_SHARE * len(memory))]
    assert max(memory[int(WARM_UP_SHARE * len(memory)) :]) <= 1.05 * warm_memory, memory[
        :: len(memory) // 20
    ]
    assert (workspace.open_moves(), workspace.blank_records()) == ((), [])
    with workspace.open_context() as context:
        assert propose(context).summary.corrections == 0
    assert workspace.audit_lines()


def _is_idle(live_daemon: Daemon) -> bool:
    metrics = live_daemon.get("/metrics")[1].splitlines()
    expected = {"connector_events_waiting 0.0", "connector_due 0.0", "connector_open_moves 0.0"}
    return expected <= set(metrics)
