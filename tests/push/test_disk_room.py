"""With little room on the disk, no command begins a write to HubSpot; what is open is finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.operations.follow_up_tasks import create_due_tasks
from connector.operations.sync import apply, sync
from connector.operations.undo import Selection, plan_undo, undo
from connector.push.disk_room import MIN_FREE_BYTES, DiskNearlyFull
from state.db.store import Store
from tests.fakes.connected_portal import WON, ConnectedPortal
from tests.operations.test_apply_plan import apply_reviewed, write_plan
from tests.operations.test_follow_up_tasks import create_overlooked, pulled_context


def undo_all(portal: ConnectedPortal) -> None:
    context = portal.context()
    undo(context, plan_undo(context, Selection(rule="won")))


@pytest.mark.parametrize("command", ["sync", "apply", "apply PLAN", "undo", "tasks"])
def test_no_command_begins_a_write_on_a_disk_that_is_nearly_full(
    portal: ConnectedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    portal.deal(WON, portal.contact("lead"))
    portal.api.advance(3600)
    sync(portal.context())  # for the undo
    portal.deal(WON, portal.contact("lead"))
    create_overlooked(portal)
    plan_file = write_plan(portal, tmp_path / "plan.json")
    commands: dict[str, Callable[[], object]] = {
        "sync": lambda: sync(portal.context()),
        "apply": lambda: apply(portal.context()),
        "apply PLAN": lambda: apply_reviewed(portal, plan_file),
        "undo": lambda: undo_all(portal),
        "tasks": lambda: create_due_tasks(pulled_context(portal)),
    }
    portal.api.sent_updates.clear()
    portal.take_requests()
    monkeypatch.setattr(Store, "free_bytes", lambda _: MIN_FREE_BYTES - 1)

    with pytest.raises(DiskNearlyFull, match="63 MiB left, of 64 that are needed"):
        commands[command]()

    assert portal.api.sent_updates == []
    assert portal.take_requests()["create_task"] == 0
    assert portal.open_moves() == ()
    monkeypatch.undo()
    assert sync(portal.context()).outcomes["applied"] >= 1
