"""Whatever HubSpot answers to a clear or a set, the end is right and the audit says how."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from connector.core.model import Outcome
from connector.errors import ConnectorError
from connector.sandbox.call import Request
from connector.sandbox.faults import Fault
from connector.sandbox.switches import SCOPES
from tests.journeys.bench import Bench
from tests.journeys.cast import LOST, OPEN, contact, deal, reopened

SetUp = Callable[..., Bench]
CLEAR, SET = 1, 2
_NAMES = ("lifecyclestage", "hs_lead_status")
UNKNOWN = ("500", "502", "503", "504", "524", "reset", "timeout", "truncated", "empty", "html")
NOT_DONE = ("423", "429-secondly", "429-ten-secondly", "429-daily", "477", "401", "403")
REFUSED = ("400", "207", "left-out", "empty-results", "ignore")
ONCE = [(kind, when) for kind in UNKNOWN for when in ("before", "after")] + [
    (kind, "before") for kind in (*NOT_DONE, *REFUSED)
]
SQL = "salesqualifiedlead"


def lost(bench: Bench) -> str:
    """Return an opportunity whose only deal was lost: only its stage still tells of it."""
    dora = contact(bench.portal, "dora", "opportunity", "OPEN_DEAL")
    deal(bench.portal, [OPEN, LOST], contacts=[dora])
    return dora


def state(bench: Bench, contact_id: str) -> tuple[str, str]:
    stage, status = (bench.value(f"contacts/{contact_id}.{name}") for name in _NAMES)
    return stage, status


def attempt(bench: Bench, sync: Callable[[], object] | None = None) -> ConnectorError | None:
    """Sync once; whatever happens, nothing is blank that is not known to be open."""
    failure = None
    try:
        (sync or bench.sync)()
    except ConnectorError as error:
        failure = error
    known = {str(move.record) for move in bench.open_moves()} if failure else set()
    assert set(bench.blanks()) <= known
    return failure


def settle(bench: Bench) -> None:
    """Sync until one writes nothing, as a daemon does; none may fail."""
    with bench.syncs() as sync:
        for _ in range(7):
            written = len(bench.box.writes())
            assert attempt(bench, sync) is None
            if len(bench.box.writes()) == written:
                return
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize("step", [CLEAR, SET], ids=["clear", "set"])
@pytest.mark.parametrize(("kind", "when"), ONCE, ids=str)
def test_a_fault_at_the_clear_or_the_set_changes_nothing_in_the_end(
    bench: Bench, kind: str, when: str, step: int
) -> None:
    dora = lost(bench)
    bench.box.faults.add(Fault(route="batch_update", kind=kind, when=when, nth=step))
    attempt(bench)
    assert bench.box.faults.struck == [f"batch_update {kind} {when}"]
    settle(bench)
    assert state(bench, dora) == (SQL, "BAD_TIMING")
    applied = Counter(bench.applied())
    assert applied[f"contacts/{dora}", "hs_lead_status", "BAD_TIMING"] == 1
    assert applied[f"contacts/{dora}", "lifecyclestage", SQL] == 1
    assert bench.open_moves() == ()


@pytest.mark.parametrize("step", [CLEAR, SET], ids=["clear", "set"])
@pytest.mark.parametrize("kind", [*UNKNOWN, *NOT_DONE, *REFUSED])
def test_while_a_fault_lasts_nothing_blank_is_forgotten_and_afterwards_all_is_right(
    bench: Bench, kind: str, step: int
) -> None:
    dora = lost(bench)
    bench.box.faults.add(Fault(route="batch_update", kind=kind, nth=step, times=0))
    attempt(bench)
    bench.box.faults.clear()
    settle(bench)
    assert state(bench, dora) == (SQL, "BAD_TIMING")
    assert bench.open_moves() == ()


@pytest.mark.parametrize("kind", ["500", "502", "reset", "truncated", "empty-results", "empty"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_fault_at_a_reading_changes_nothing_in_the_end(bench: Bench, kind: str, nth: int) -> None:
    dora = lost(bench)
    bench.box.faults.add(Fault(route="batch_read", kind=kind, nth=nth))
    attempt(bench)
    settle(bench)
    assert state(bench, dora) == (SQL, "BAD_TIMING")


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_set_that_took_effect_is_not_sent_again(bench: Bench, kind: str) -> None:
    dora = lost(bench)
    bench.box.faults.add(Fault(route="batch_update", kind=kind, when="after", nth=SET))
    assert attempt(bench) is None
    assert len(bench.box.writes()) == 2
    assert state(bench, dora) == (SQL, "BAD_TIMING")


def test_an_automation_that_writes_into_the_gap_once_is_overcome_by_the_next_sync(
    bench: Bench,
) -> None:
    anna = reopened(bench.portal)
    bench.portal.switches.automation_in_gap = "customer"
    assert attempt(bench) is None
    assert bench.value(f"contacts/{anna}.lifecyclestage") == "customer"
    settle(bench)
    assert state(bench, anna) == ("opportunity", "OPEN_DEAL")
    assert _outcomes(bench, "lifecyclestage") == [Outcome.IGNORED, Outcome.APPLIED]


def test_an_automation_that_always_writes_into_the_gap_is_fought_twice_and_then_left(
    bench: Bench,
) -> None:
    anna = reopened(bench.portal)
    bench.portal.switches.automation_in_gap = "customer"
    bench.portal.switches.automation_in_gap_times = 1000
    settle(bench)
    assert state(bench, anna) == ("customer", "")
    assert _outcomes(bench, "lifecyclestage") == [Outcome.IGNORED, Outcome.IGNORED]


def test_another_stage_that_an_automation_writes_into_the_gap_is_won_back_at_once(
    bench: Bench,
) -> None:
    dora = lost(bench)
    bench.portal.switches.automation_in_gap = "customer"
    assert attempt(bench) is None
    assert state(bench, dora) == (SQL, "BAD_TIMING")
    assert {one.outcome for one in bench.audited()} == {Outcome.APPLIED}


def test_an_automation_that_always_writes_another_stage_is_named_and_decided_anew(
    bench: Bench,
) -> None:
    dora = lost(bench)
    bench.portal.switches.automation_in_gap = "customer"
    bench.portal.switches.automation_in_gap_times = 1000
    settle(bench)
    assert state(bench, dora) == ("customer", "")
    assert _outcomes(bench, "lifecyclestage") == [Outcome.REVERTED]


def test_what_a_person_writes_into_the_gap_is_not_fought(bench: Bench) -> None:
    dora = lost(bench)
    person = {"lifecyclestage": "evangelist"}
    _in_the_gap(bench, lambda: bench.portal.edit("contacts", dora, person))
    assert attempt(bench) is None
    settle(bench)
    assert state(bench, dora)[0] == "evangelist"
    assert _outcomes(bench, "lifecyclestage") == [Outcome.REVERTED]
    clears = [one for one in bench.box.writes() if '"lifecyclestage": ""' in _text(one)]
    assert len(clears) == 1


def test_a_refused_clear_leaves_the_old_stage_and_is_tried_twice(bench: Bench) -> None:
    anna = reopened(bench.portal)
    bench.portal.switches.clear_refused = True
    settle(bench)
    assert state(bench, anna) == ("customer", "")
    assert _outcomes(bench, "lifecyclestage") == [Outcome.REFUSED, Outcome.REFUSED]


def test_a_set_that_is_refused_for_good_puts_the_old_stage_back(bench: Bench) -> None:
    dora = lost(bench)
    _refuse_sets_of(bench, SQL)
    assert attempt(bench) is None
    assert bench.value(f"contacts/{dora}.lifecyclestage") == "opportunity"
    assert _outcomes(bench, "lifecyclestage") == [Outcome.RESTORED]
    settle(bench)
    assert bench.value(f"contacts/{dora}.lifecyclestage") == "opportunity"
    assert _outcomes(bench, "lifecyclestage") == [Outcome.RESTORED, Outcome.RESTORED]


def test_a_set_that_is_never_stored_puts_the_old_stage_back_or_stays_open(bench: Bench) -> None:
    dora = lost(bench)
    bench.box.faults.add(Fault(route="batch_update", kind="ignore", nth=SET, times=0))
    failure = attempt(bench)
    assert failure is not None
    assert f"contacts/{dora}" in str(failure)
    assert [str(move.record) for move in bench.open_moves()] == [f"contacts/{dora}"]


@pytest.mark.parametrize("reads", [1, 2])
def test_reads_that_lag_behind_the_writes_deceive_nobody(bench: Bench, reads: int) -> None:
    dora = lost(bench)
    bench.portal.switches.read_lag = reads
    settle(bench)
    assert state(bench, dora) == (SQL, "BAD_TIMING")
    assert {one.outcome for one in bench.audited()} == {Outcome.APPLIED}


def test_a_record_archived_in_the_gap_is_given_up_and_the_others_get_through(
    bench: Bench,
) -> None:
    anna, dora = reopened(bench.portal), lost(bench)
    _in_the_gap(bench, lambda: bench.portal.archive("contacts", anna))
    bench.box.faults.add(Fault(route="batch_update", kind="ignore", nth=SET))
    assert attempt(bench) is None
    settle(bench)
    assert state(bench, dora) == (SQL, "BAD_TIMING")
    lines = bench.audited(f"contacts/{anna}")
    assert {one.outcome for one in lines} == {Outcome.STALE}


def test_a_record_archived_in_the_gap_gets_a_stage_again_when_it_comes_back(bench: Bench) -> None:
    anna = reopened(bench.portal)
    _in_the_gap(bench, lambda: bench.portal.archive("contacts", anna))
    attempt(bench)
    bench.portal.clock.advance(3600)
    bench.portal.restore("contacts", anna)
    settle(bench)
    assert state(bench, anna) == ("opportunity", "OPEN_DEAL")


@pytest.mark.parametrize("follows", [True, False], ids=["followed", "not followed"])
@pytest.mark.parametrize("new_id", [True, False], ids=["new id", "old id"])
@pytest.mark.parametrize("other_stage", ["", "lead"])
def test_a_record_merged_away_in_the_gap_leaves_no_blank_behind(
    bench: Bench, other_stage: str, new_id: bool, follows: bool
) -> None:
    portal = bench.portal
    portal.switches.merge_new_id, portal.switches.batch_read_follows_merges = new_id, follows
    anna, other = reopened(portal), contact(portal, "anna.berg", "lead")
    survivors: list[str] = []

    def merge() -> None:
        given = {"lifecyclestage": other_stage}
        portal.edit("contacts", other, given, source="IMPORT", source_id="", user_id=None)
        survivors.append(portal.merge("contacts", other, anna))

    _in_the_gap(bench, merge)
    bench.sync()
    assert survivors
    bench.sync()
    assert bench.blanks() == []
    settle(bench)
    assert state(bench, survivors[0]) == ("opportunity", "OPEN_DEAL")
    assert bench.open_moves() == ()


@pytest.mark.parametrize("loss", ["token", "scope"])
def test_a_permission_lost_in_the_gap_keeps_the_move_open_until_it_is_back(
    bench: Bench, loss: str
) -> None:
    dora = lost(bench)
    token, scopes = set(bench.box.reception.tokens), bench.portal.switches.scopes

    def take() -> None:
        if loss == "token":
            bench.box.reception.tokens.clear()
        else:
            scopes.discard("crm.objects.contacts.write")

    _in_the_gap(bench, take)
    for _ in range(2):
        assert attempt(bench) is not None
        assert [str(move.record) for move in bench.open_moves()] == [f"contacts/{dora}"]
    bench.box.reception.tokens.update(token)
    scopes.update(SCOPES)
    settle(bench)
    assert state(bench, dora) == (SQL, "BAD_TIMING")
    assert bench.open_moves() == ()


def test_what_a_failed_sync_left_due_is_decided_by_one_in_the_same_second(bench: Bench) -> None:
    dora = lost(bench)
    bench.box.after = lambda _: bench.portal.clock.advance(0.04)
    bench.box.faults.add(Fault(route="batch_read", kind="403"))
    assert attempt(bench) is not None
    bench.box.after = None
    bench.portal.clock.set(bench.portal.clock.now().replace(microsecond=999_000))
    bench.sync()
    assert state(bench, dora) == (SQL, "BAD_TIMING")


def _outcomes(bench: Bench, property_name: str) -> list[Outcome]:
    return [one.outcome for one in bench.audited() if one.property_name == property_name]


def _text(request: Request) -> str:
    return json.dumps(request.body)


def _in_the_gap(bench: Bench, action: Callable[[], object]) -> None:
    """Act once, right before the first set after a clear is handled."""
    seen: Counter[str] = Counter()

    def act(request: Request) -> None:
        if request.route == "batch_update":
            stages = [one["properties"].get("lifecyclestage") for one in request.body["inputs"]]
            if seen["clear"] and not seen["done"] and any(stages):
                seen["done"] = 1
                action()
            seen["clear"] += "" in stages

    bench.box.before = act


def _refuse_sets_of(bench: Bench, stage: str) -> None:
    """Let the portal refuse a stage, as a rule of its own would."""

    def refuse(request: Request) -> None:
        if request.route == "batch_update":
            for one in request.body["inputs"]:
                if one["properties"].get("lifecyclestage") == stage:
                    one["properties"]["lifecyclestage"] = "no-such-stage"

    bench.box.before = refuse
