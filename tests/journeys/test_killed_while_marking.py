"""Kill the real process around the mark of a former customer: no record goes back unmarked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.core.model import Outcome
from tests.journeys.kill_process import KILL_MOMENTS, KILLED, count_sync_steps, run, run_and_kill
from tests.journeys.sample_records import create_contact
from tests.journeys.workspace import Workspace, new_portal

NewWorkspace = Callable[..., Workspace]
POLICY = (
    "extends: subscription\nsettings:\n  subscription: {property: plan_state}\n"
    "  churn: {practice: back-to-sales, mark: former_customer}\n"
)
WRITES = ("mark", "clear", "set")


class _EndedSubscription:
    """A portal in which one subscription has ended, and what must become of it."""

    def __init__(self, new_workspace: NewWorkspace, folder: Path) -> None:
        policy = folder / "club.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        self.workspace = new_workspace(new_portal(running=True), CONNECTOR_POLICY=str(policy))
        portal = self.workspace.portal
        portal.define_property("contacts", "plan_state")
        portal.define_property("contacts", "former_customer", type="bool")
        self.contact_id = create_contact(portal, "left", "customer")
        portal.edit("contacts", self.contact_id, {"plan_state": "canceled"})

    def _value(self, name: str) -> str:
        return self.workspace.value(f"contacts/{self.contact_id}.{name}")

    def is_moved_back_unmarked(self) -> bool:
        return self._value("lifecyclestage") != "customer" and self._value(MARK) != "true"

    def problems(self) -> dict[str, object]:
        """Return what is not as after an undisturbed sync; nothing should be."""
        lines = self.workspace.audit_lines()
        differences = {
            "values": [self._value(name) for name in NAMES]
            != ["true", "salesqualifiedlead", "NEW"],
            "open moves": self.workspace.open_moves(),
            "audit": sorted(line.property_name for line in lines) != sorted(NAMES),
            "other outcomes": [line for line in lines if line.outcome is not Outcome.APPLIED],
        }
        return {name: problem for name, problem in differences.items() if problem}


MARK = "former_customer"
NAMES = (MARK, "lifecyclestage", "hs_lead_status")


@pytest.mark.parametrize("moment", KILL_MOMENTS)
@pytest.mark.parametrize("nth", range(1, 4), ids=WRITES)
def test_killed_at_any_write_of_a_mark_the_next_start_ends_as_if_undisturbed(
    new_workspace: NewWorkspace, tmp_path: Path, nth: int, moment: str
) -> None:
    scenario = _EndedSubscription(new_workspace, tmp_path)
    assert run_and_kill(scenario.workspace, nth, moment, route="batch_update")
    assert not scenario.is_moved_back_unmarked()
    assert run(scenario.workspace, "sync") == 0
    assert scenario.problems() == {}


def test_killed_before_the_commits_of_a_marking_the_next_start_ends_as_if_undisturbed(
    new_workspace: NewWorkspace, tmp_path: Path
) -> None:
    step_count = count_sync_steps(_EndedSubscription(new_workspace, tmp_path).workspace)
    problems = {}
    for step in range(step_count // 2, step_count + 1, 3):
        scenario = _EndedSubscription(new_workspace, tmp_path)
        assert run(scenario.workspace, "sync", kill_at_step=step) == KILLED
        if scenario.is_moved_back_unmarked():
            problems[f"{step}, at once"] = {"unmarked": True}
        run(scenario.workspace, "sync")
        if scenario_problems := scenario.problems():
            problems[str(step)] = scenario_problems
    assert step_count > 20
    assert problems == {}
