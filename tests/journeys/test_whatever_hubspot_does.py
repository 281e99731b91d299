"""Whatever HubSpot does with a clear or a set, the result is right or as before, and audited."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog
from structlog.testing import capture_logs

from connector.core.model import Outcome
from connector.sandbox.http.faults import Fault
from connector.sandbox.portal.switches import SCOPES
from tests.journeys.sample_records import create_contact, create_reopened_customer
from tests.journeys.test_faults import SET, _act_in_the_gap, sync_once, sync_until_quiet
from tests.journeys.workspace import Workspace

APPLIED, IGNORED, REFUSED = Outcome.APPLIED, Outcome.IGNORED, Outcome.REFUSED
RESTORED, REVERTED, STALE = Outcome.RESTORED, Outcome.REVERTED, Outcome.STALE
STAGE_BEFORE, EXPECTED_STAGE = "customer", "opportunity"
Action = Callable[[Workspace, str], object]


def set_switches(**switches: object) -> Action:
    """Return who gives the portal these habits."""

    def apply(workspace: Workspace, _: str) -> None:
        for name, value in switches.items():
            workspace.portal.switches.put(name, value)

    return apply


def add_fault(kind: str, nth: int, **options: object) -> Action:
    """Return who lets a write fail in a way."""

    def apply(workspace: Workspace, _: str) -> None:
        workspace.sandbox.faults.add(Fault(route="batch_update", kind=kind, nth=nth, **options))  # type: ignore[arg-type]  # the table names them

    return apply


def act_in_gap(action: Callable[[Workspace, str], object]) -> Action:
    """Return who acts between the clear and the set."""
    return lambda workspace, anna: _act_in_the_gap(workspace, lambda: action(workspace, anna))


def edit_stage(stage: str, **origin: object) -> Action:
    values = {"lifecyclestage": stage}
    return lambda workspace, anna: workspace.portal.edit("contacts", anna, values, **origin)  # type: ignore[arg-type]  # the table names them


# What happens, the stage at the end, and how the audit tells of it.
SLOW_CLEAR = {"clear_delay_seconds": 1.0}
LATE_CLEAR = {"clear_delay_seconds": 4.0}
HABITS: dict[str, tuple[Action, str, list[Outcome]]] = {
    "ignores a backward write": (set_switches(**SLOW_CLEAR), EXPECTED_STAGE, [APPLIED]),
    "ignores it and echoes what was asked": (
        set_switches(**SLOW_CLEAR, backward_echo="asked"),
        EXPECTED_STAGE,
        [APPLIED],
    ),
    "refuses it with its batch": (
        set_switches(**SLOW_CLEAR, backward_write="error", backward_error_scope="batch"),
        EXPECTED_STAGE,  # the refusal is sent again, and the clear has arrived by then
        [APPLIED],
    ),
    "refuses it with its batch, and the clear arrives late": (
        set_switches(**LATE_CLEAR, backward_write="error", backward_error_scope="batch"),
        STAGE_BEFORE,
        [RESTORED, RESTORED],
    ),
    "refuses it alone": (
        set_switches(**SLOW_CLEAR, backward_write="error", backward_error_scope="record"),
        STAGE_BEFORE,
        [RESTORED, RESTORED],
    ),
    "allows it": (set_switches(backward_write="allowed"), EXPECTED_STAGE, [APPLIED]),
    "answers the set well and stores nothing": (
        add_fault("ignore", SET),
        EXPECTED_STAGE,
        [APPLIED],
    ),
    "answers the clear well and stores nothing": (
        add_fault("ignore", 1),
        EXPECTED_STAGE,
        [IGNORED, APPLIED],
    ),
    "refuses to clear a required property": (
        set_switches(clear_refused=True),
        STAGE_BEFORE,
        [REFUSED, REFUSED],
    ),
    "fills the gap with the old stage": (
        set_switches(automation_in_gap=STAGE_BEFORE),
        EXPECTED_STAGE,
        [IGNORED, APPLIED],
    ),
    "fills the gap with the old stage every time": (
        set_switches(automation_in_gap=STAGE_BEFORE, automation_in_gap_times=99),
        STAGE_BEFORE,
        [IGNORED, IGNORED],
    ),
    "lets a person write into the gap": (
        act_in_gap(edit_stage("evangelist")),
        "evangelist",
        [REVERTED],
    ),
}


def stage_outcomes(workspace: Workspace, anna: str) -> list[Outcome]:
    lines = workspace.audit_lines(f"contacts/{anna}")
    return [line.outcome for line in lines if line.property_name == "lifecyclestage"]


@pytest.mark.parametrize("habit", HABITS)
def test_whatever_hubspot_does_the_end_is_right_or_as_before_and_audited_so(
    workspace: Workspace, habit: str
) -> None:
    action, expected_stage, expected_outcomes = HABITS[habit]
    anna = create_reopened_customer(workspace.portal)
    action(workspace, anna)
    sync_until_quiet(workspace)
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == expected_stage
    assert stage_outcomes(workspace, anna) == expected_outcomes
    assert workspace.open_moves() == ()


def test_a_record_that_was_archived_in_the_gap_is_audited_as_stale(workspace: Workspace) -> None:
    anna = create_reopened_customer(workspace.portal)
    act_in_gap(
        lambda gap_workspace, contact_id: gap_workspace.portal.archive("contacts", contact_id)
    )(workspace, anna)
    sync_until_quiet(workspace)
    assert stage_outcomes(workspace, anna) == [STALE]


def test_a_record_that_was_merged_away_in_the_gap_is_right_in_the_end(workspace: Workspace) -> None:
    anna, other_id = (
        create_reopened_customer(workspace.portal),
        create_contact(workspace.portal, "anna.berg", "lead"),
    )
    survivors: list[str] = []
    act_in_gap(
        lambda gap_workspace, contact_id: survivors.append(
            gap_workspace.portal.merge("contacts", other_id, contact_id)
        )
    )(workspace, anna)
    sync_once(workspace)
    sync_until_quiet(workspace)
    assert workspace.value(f"contacts/{survivors[0]}.lifecyclestage") == EXPECTED_STAGE
    results = stage_outcomes(workspace, survivors[0])
    assert results[-1] is APPLIED
    assert set(results) <= {STALE, REVERTED, APPLIED}


@pytest.mark.parametrize("loss", ["token", "scope"])
def test_a_lost_permission_is_alarmed_with_the_record_until_it_is_back(
    workspace: Workspace, loss: str
) -> None:
    anna = create_reopened_customer(workspace.portal)
    tokens, scopes = set(workspace.sandbox.dispatcher.tokens), workspace.portal.switches.scopes

    def revoke_permission(_: Workspace, __: str) -> None:
        if loss == "token":
            workspace.sandbox.dispatcher.tokens.clear()
        else:
            scopes.discard("crm.objects.contacts.write")

    act_in_gap(revoke_permission)(workspace, anna)
    structlog.reset_defaults()
    with capture_logs() as logs:
        sync_once(workspace)
    alarms = [entry for entry in logs if entry["event"] in {"moves.left_open", "move.stuck"}]
    assert [alarm["log_level"] for alarm in alarms] == ["error"]
    assert f"contacts/{anna}" in (alarms[0].get("record"), *alarms[0].get("records", ()))
    assert stage_outcomes(workspace, anna) == []
    workspace.sandbox.dispatcher.tokens.update(tokens)
    scopes.update(SCOPES)
    sync_until_quiet(workspace)
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == EXPECTED_STAGE
    assert stage_outcomes(workspace, anna) == [APPLIED]
