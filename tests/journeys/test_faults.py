"""Whatever HubSpot answers to a clear or a set, the end is right and the audit says how."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from connector.core.model import Outcome
from connector.errors import ConnectorError
from connector.sandbox.http.call import Request
from connector.sandbox.http.faults import Fault
from connector.sandbox.portal.switches import SCOPES
from tests.journeys.sample_records import (
    LOST,
    OPEN,
    create_contact,
    create_deal,
    create_reopened_customer,
)
from tests.journeys.workspace import Workspace

NewWorkspace = Callable[..., Workspace]
CLEAR, SET = 1, 2
_PROPERTIES = ("lifecyclestage", "hs_lead_status")
UNKNOWN_OUTCOMES = (
    "500",
    "502",
    "503",
    "504",
    "524",
    "reset",
    "timeout",
    "truncated",
    "empty",
    "html",
)
NOT_DONE = ("423", "429-secondly", "429-ten-secondly", "429-daily", "477", "401", "403")
REFUSED = ("400", "207", "left-out", "empty-results", "ignore")
SINGLE_FAULTS = [(kind, when) for kind in UNKNOWN_OUTCOMES for when in ("before", "after")] + [
    (kind, "before") for kind in (*NOT_DONE, *REFUSED)
]
SQL = "salesqualifiedlead"


def create_lost_opportunity(workspace: Workspace) -> str:
    """Return an opportunity whose only deal was lost: only its stage still tells of it."""
    dora = create_contact(workspace.portal, "dora", "opportunity", "OPEN_DEAL")
    create_deal(workspace.portal, [OPEN, LOST], contacts=[dora])
    return dora


def stage_and_status(workspace: Workspace, contact_id: str) -> tuple[str, str]:
    stage, status = (workspace.value(f"contacts/{contact_id}.{name}") for name in _PROPERTIES)
    return stage, status


def sync_once(
    workspace: Workspace, sync: Callable[[], object] | None = None
) -> ConnectorError | None:
    """Sync once; whatever happens, nothing is blank that is not known to be open."""
    failure = None
    try:
        (sync or workspace.sync)()
    except ConnectorError as error:
        failure = error
    open_records = {str(move.record) for move in workspace.open_moves()}
    assert set(workspace.blank_records()) <= open_records
    return failure


def sync_until_quiet(workspace: Workspace) -> None:
    """Sync until one writes nothing, as a daemon does; none may fail."""
    with workspace.repeated_syncs() as sync:
        for _ in range(7):
            write_count = len(workspace.sandbox.write_requests())
            assert sync_once(workspace, sync) is None
            if len(workspace.sandbox.write_requests()) == write_count:
                return
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize("step", [CLEAR, SET], ids=["clear", "set"])
@pytest.mark.parametrize(("kind", "when"), SINGLE_FAULTS, ids=str)
def test_a_fault_at_the_clear_or_the_set_changes_nothing_in_the_end(
    workspace: Workspace, kind: str, when: str, step: int
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.sandbox.faults.add(Fault(route="batch_update", kind=kind, when=when, nth=step))
    sync_once(workspace)
    assert workspace.sandbox.faults.injected == [f"batch_update {kind} {when}"]
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")
    applied_counts = Counter(workspace.applied_values())
    assert applied_counts[f"contacts/{dora}", "hs_lead_status", "BAD_TIMING"] == 1
    assert applied_counts[f"contacts/{dora}", "lifecyclestage", SQL] == 1
    assert workspace.open_moves() == ()


@pytest.mark.parametrize("step", [CLEAR, SET], ids=["clear", "set"])
@pytest.mark.parametrize("kind", [*UNKNOWN_OUTCOMES, *NOT_DONE, *REFUSED])
def test_while_a_fault_lasts_nothing_blank_is_forgotten_and_afterwards_all_is_right(
    workspace: Workspace, kind: str, step: int
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.sandbox.faults.add(Fault(route="batch_update", kind=kind, nth=step, times=0))
    sync_once(workspace)
    workspace.sandbox.faults.clear()
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")
    assert workspace.open_moves() == ()


@pytest.mark.parametrize("kind", ["500", "502", "reset", "truncated", "empty-results", "empty"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_fault_at_a_reading_changes_nothing_in_the_end(
    workspace: Workspace, kind: str, nth: int
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.sandbox.faults.add(Fault(route="batch_read", kind=kind, nth=nth))
    sync_once(workspace)
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")


@pytest.mark.parametrize("kind", UNKNOWN_OUTCOMES)
def test_a_set_that_took_effect_is_not_sent_again(workspace: Workspace, kind: str) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.sandbox.faults.add(Fault(route="batch_update", kind=kind, when="after", nth=SET))
    assert sync_once(workspace) is None
    assert len(workspace.sandbox.write_requests()) == 2
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")


def test_an_automation_that_writes_into_the_gap_once_is_overcome_by_the_next_sync(
    workspace: Workspace,
) -> None:
    anna = create_reopened_customer(workspace.portal)
    workspace.portal.switches.automation_in_gap = "customer"
    assert sync_once(workspace) is None
    assert workspace.value(f"contacts/{anna}.lifecyclestage") == "customer"
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, anna) == ("opportunity", "OPEN_DEAL")
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.IGNORED, Outcome.APPLIED]


def test_an_automation_that_always_writes_into_the_gap_is_fought_twice_and_then_left(
    workspace: Workspace,
) -> None:
    anna = create_reopened_customer(workspace.portal)
    workspace.portal.switches.automation_in_gap = "customer"
    workspace.portal.switches.automation_in_gap_times = 1000
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, anna) == ("customer", "")
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.IGNORED, Outcome.IGNORED]


def test_another_stage_that_an_automation_writes_into_the_gap_is_won_back_at_once(
    workspace: Workspace,
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.portal.switches.automation_in_gap = "customer"
    assert sync_once(workspace) is None
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")
    assert {line.outcome for line in workspace.audit_lines()} == {Outcome.APPLIED}


def test_an_automation_that_always_writes_another_stage_is_named_and_decided_anew(
    workspace: Workspace,
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.portal.switches.automation_in_gap = "customer"
    workspace.portal.switches.automation_in_gap_times = 1000
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == ("customer", "")
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.REVERTED]


def test_what_a_person_writes_into_the_gap_is_not_fought(workspace: Workspace) -> None:
    dora = create_lost_opportunity(workspace)
    manual_edit = {"lifecyclestage": "evangelist"}
    _act_in_the_gap(workspace, lambda: workspace.portal.edit("contacts", dora, manual_edit))
    assert sync_once(workspace) is None
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora)[0] == "evangelist"
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.REVERTED]
    clear_requests = [
        request
        for request in workspace.sandbox.write_requests()
        if '"lifecyclestage": ""' in _body_text(request)
    ]
    assert len(clear_requests) == 1


def test_a_refused_clear_leaves_the_old_stage_and_is_tried_twice(workspace: Workspace) -> None:
    anna = create_reopened_customer(workspace.portal)
    workspace.portal.switches.clear_refused = True
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, anna) == ("customer", "")
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.REFUSED, Outcome.REFUSED]


def test_a_set_that_is_refused_for_good_puts_the_old_stage_back(workspace: Workspace) -> None:
    dora = create_lost_opportunity(workspace)
    _refuse_stage(workspace, SQL)
    assert sync_once(workspace) is None
    assert workspace.value(f"contacts/{dora}.lifecyclestage") == "opportunity"
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.RESTORED]
    sync_until_quiet(workspace)
    assert workspace.value(f"contacts/{dora}.lifecyclestage") == "opportunity"
    assert _outcomes(workspace, "lifecyclestage") == [Outcome.RESTORED, Outcome.RESTORED]


def test_a_set_that_is_never_stored_puts_the_old_stage_back_or_stays_open(
    workspace: Workspace,
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.sandbox.faults.add(Fault(route="batch_update", kind="ignore", nth=SET, times=0))
    assert sync_once(workspace) is None  # an open move is no failure of the run
    assert [str(move.record) for move in workspace.open_moves()] == [f"contacts/{dora}"]


@pytest.mark.parametrize("reads", [1, 2])
def test_reads_that_lag_behind_the_writes_deceive_nobody(workspace: Workspace, reads: int) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.portal.switches.read_lag = reads
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")
    assert {line.outcome for line in workspace.audit_lines()} == {Outcome.APPLIED}


def test_a_record_archived_in_the_gap_is_given_up_and_the_others_get_through(
    workspace: Workspace,
) -> None:
    anna, dora = create_reopened_customer(workspace.portal), create_lost_opportunity(workspace)
    _act_in_the_gap(workspace, lambda: workspace.portal.archive("contacts", anna))
    workspace.sandbox.faults.add(Fault(route="batch_update", kind="ignore", nth=SET))
    assert sync_once(workspace) is None
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")
    lines = workspace.audit_lines(f"contacts/{anna}")
    assert {line.outcome for line in lines} == {Outcome.STALE}


def test_a_record_archived_in_the_gap_gets_a_stage_again_when_it_comes_back(
    workspace: Workspace,
) -> None:
    anna = create_reopened_customer(workspace.portal)
    _act_in_the_gap(workspace, lambda: workspace.portal.archive("contacts", anna))
    sync_once(workspace)
    workspace.portal.clock.advance(3600)
    workspace.portal.restore("contacts", anna)
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, anna) == ("opportunity", "OPEN_DEAL")


@pytest.mark.parametrize("follows", [True, False], ids=["followed", "not followed"])
@pytest.mark.parametrize("new_id", [True, False], ids=["new id", "old id"])
@pytest.mark.parametrize("other_stage", ["", "lead"])
def test_a_record_merged_away_in_the_gap_leaves_no_blank_behind(
    workspace: Workspace, other_stage: str, new_id: bool, follows: bool
) -> None:
    portal = workspace.portal
    portal.switches.merge_new_id, portal.switches.batch_read_follows_merges = new_id, follows
    anna, other_id = create_reopened_customer(portal), create_contact(portal, "anna.berg", "lead")
    survivors: list[str] = []

    def merge() -> None:
        properties = {"lifecyclestage": other_stage}
        portal.edit("contacts", other_id, properties, source="IMPORT", source_id="", user_id=None)
        survivors.append(portal.merge("contacts", other_id, anna))

    _act_in_the_gap(workspace, merge)
    workspace.sync()
    assert survivors
    # What an import has just cleared is left to it for a quarter of an hour (`blank_minutes`).
    portal.clock.advance(16 * 60)
    workspace.sync()
    assert workspace.blank_records() == []
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, survivors[0]) == ("opportunity", "OPEN_DEAL")
    assert workspace.open_moves() == ()


@pytest.mark.parametrize("loss", ["token", "scope"])
def test_a_permission_lost_in_the_gap_keeps_the_move_open_until_it_is_back(
    workspace: Workspace, loss: str
) -> None:
    dora = create_lost_opportunity(workspace)
    tokens, scopes = set(workspace.sandbox.dispatcher.tokens), workspace.portal.switches.scopes

    def revoke_permission() -> None:
        if loss == "token":
            workspace.sandbox.dispatcher.tokens.clear()
        else:
            scopes.discard("crm.objects.contacts.write")

    _act_in_the_gap(workspace, revoke_permission)
    for _ in range(2):
        sync_once(workspace)
        assert [str(move.record) for move in workspace.open_moves()] == [f"contacts/{dora}"]
    workspace.sandbox.dispatcher.tokens.update(tokens)
    scopes.update(SCOPES)
    sync_until_quiet(workspace)
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")
    assert workspace.open_moves() == ()


def test_what_a_failed_sync_left_due_is_decided_by_one_in_the_same_second(
    workspace: Workspace,
) -> None:
    dora = create_lost_opportunity(workspace)
    workspace.sandbox.after_answer = lambda _: workspace.portal.clock.advance(0.04)
    workspace.sandbox.faults.add(Fault(route="batch_read", kind="403", times=0))
    assert sync_once(workspace) is not None
    workspace.sandbox.faults.clear()
    workspace.sandbox.after_answer = None
    workspace.portal.clock.set(workspace.portal.clock.now().replace(microsecond=999_000))
    workspace.sync()
    assert stage_and_status(workspace, dora) == (SQL, "BAD_TIMING")


def _outcomes(workspace: Workspace, property_name: str) -> list[Outcome]:
    return [line.outcome for line in workspace.audit_lines() if line.property_name == property_name]


def _body_text(request: Request) -> str:
    return json.dumps(request.body)


def _act_in_the_gap(workspace: Workspace, action: Callable[[], object]) -> None:
    """Act once, right before the first set after a clear is handled."""
    counts: Counter[str] = Counter()

    def act_once(request: Request) -> None:
        if request.route == "batch_update":
            stages = [
                update_input["properties"].get("lifecyclestage")
                for update_input in request.body["inputs"]
            ]
            if counts["clear"] and not counts["done"] and any(stages):
                counts["done"] = 1
                action()
            counts["clear"] += "" in stages

    workspace.sandbox.before_answer = act_once


def _refuse_stage(workspace: Workspace, stage: str) -> None:
    """Let the portal refuse a stage, as a rule of its own would."""

    def refuse(request: Request) -> None:
        if request.route == "batch_update":
            for update_input in request.body["inputs"]:
                if update_input["properties"].get("lifecyclestage") == stage:
                    update_input["properties"]["lifecyclestage"] = "no-such-stage"

    workspace.sandbox.before_answer = refuse
