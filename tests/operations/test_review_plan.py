"""People approve and reject parts of the plan that waits; each part is decided once."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count, pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.context import RunContext
from connector.core.corrections.holds import Hold, HoldOrigin
from connector.core.model import Correction, Outcome, Ref
from connector.errors import ConnectorError, TemporaryError, UserError
from connector.operations.operator_requests import (
    carry_out_waiting,
    hold_record,
    release_record,
    request_undo,
    set_review_only,
)
from connector.operations.review_plan import PlanPart, approve, reject
from connector.operations.sync import sync
from connector.operations.undo import Selection
from connector.pull.poll import pull
from connector.push.pause import pause
from connector.push.push import push
from state import holds, introduced_rules, operator_actions, plans
from state.db.transaction import Transaction
from state.plans import PlanHead
from tests.fakes.connected_portal import OPEN, WON, ConnectedPortal


def waiting(portal: ConnectedPortal, rule: str = "", record: Ref | None = None) -> PlanPart:
    with portal.store.reading("1") as session:
        head = plans.latest(session)
    assert head
    return PlanPart(digest=head.digest, rule=rule, record=record)


def outcome(portal: ConnectedPortal) -> str:
    with portal.store.reading("1") as session:
        return operator_actions.read(session)[0].outcome


def introduced(portal: ConnectedPortal) -> frozenset[str]:
    with portal.store.reading("1") as session:
        return introduced_rules.read(session)


def rejections(portal: ConnectedPortal) -> list[Hold]:
    with portal.store.reading("1") as session:
        active = holds.read_active(session, now=portal.api.now())
    return [hold for hold in active if hold.origin is HoldOrigin.REJECTED]


@pytest.fixture
def contacts(portal: ConnectedPortal) -> list[Ref]:
    """Return two leads with an open deal and one with a won deal, and lay down the plan."""
    refs = [portal.contact("lead") for _ in range(3)]
    for ref, stage in zip(refs, (OPEN, OPEN, WON), strict=True):
        portal.deal(stage, ref)
    context = portal.context(new_rules=True)
    pull(context)
    portal.propose(context)
    return refs


def carry_out(portal: ConnectedPortal) -> int:
    return carry_out_waiting(lambda: portal.context(new_rules=True))


def test_an_approved_rule_writes_its_records_alone_and_is_introduced(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")
    assert carry_out(portal) == 1
    assert [portal.stage(ref) for ref in contacts] == ["lead", "lead", "customer"]
    assert introduced(portal) == {"won"}


def test_an_approved_record_introduces_no_rule_that_wants_more(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, record=contacts[0]), "anna")
    assert carry_out(portal) == 1
    assert [portal.stage(ref) for ref in contacts] == ["opportunity", "lead", "lead"]
    assert introduced(portal) == frozenset()


def test_a_whole_plan_is_approved(portal: ConnectedPortal, contacts: list[Ref]) -> None:
    approve(portal.context(new_rules=True), waiting(portal), "anna")
    carry_out(portal)
    assert [portal.stage(ref) for ref in contacts] == ["opportunity", "opportunity", "customer"]
    assert introduced(portal) == {"open-deal", "status-open-deal", "won"}


def test_a_rejected_rule_stays_as_it_is_until_newer_evidence(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    reject(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")
    sync(portal.context())
    assert portal.stage(contacts[2]) == "lead"
    portal.api.advance(60)
    portal.deal(WON, contacts[2], closedate=portal.api.now().isoformat())
    sync(portal.context())
    assert portal.stage(contacts[2]) == "customer"


@pytest.mark.parametrize("second", [approve, reject])
def test_of_two_people_the_second_is_told_and_nothing_is_done_twice(
    portal: ConnectedPortal, contacts: list[Ref], second: object
) -> None:
    context = portal.context(new_rules=True)
    approve(context, waiting(portal, rule="won"), "anna")
    for part in (
        waiting(portal),
        waiting(portal, rule="won"),
        waiting(portal, record=contacts[2]),
    ):
        with pytest.raises(UserError, match="anna approved rule won"):
            second(context, part, "bob")  # type: ignore[operator]  # one of the two
    approve(context, waiting(portal, rule="open-deal"), "bob")
    assert carry_out(portal) == 2


def test_what_was_rejected_cannot_be_approved_by_the_same_plan(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    context = portal.context(new_rules=True)
    reject(context, waiting(portal, record=contacts[0]), "bob")
    with pytest.raises(UserError, match="bob rejected contacts/"):
        approve(context, waiting(portal), "anna")
    assert carry_out(portal) == 0


def test_a_plan_that_changed_names_who_reviewed_the_one_before(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    context, part = portal.context(new_rules=True), waiting(portal)
    approve(context, part, "anna")
    carry_out(portal)
    portal.api.advance(1)
    portal.propose(portal.context(new_rules=True))
    with pytest.raises(UserError, match=r"changed since.*anna approved the whole plan"):
        reject(context, part, "bob")


def test_a_new_plan_with_the_same_content_may_be_reviewed_again(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    context, part = portal.context(new_rules=True), waiting(portal, rule="won")
    pause(portal.store, "1", at=portal.api.now(), reason="")
    approve(context, part, "anna")
    carry_out(portal)
    assert "is paused" in outcome(portal)
    portal.api.advance(1)
    portal.propose(portal.context(new_rules=True))
    approve(context, part, "anna")


def test_a_plan_that_is_stored_no_more_or_of_another_policy_is_not_applied(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")
    other_policy = "extends: standard\nsettings: {hold_days: 7}\n"
    carry_out_waiting(lambda: portal.context(other_policy, new_rules=True))
    assert "The policy changed" in outcome(portal)
    approve(portal.context(new_rules=True), waiting(portal, rule="open-deal"), "anna")
    with portal.store.begin("1") as session:
        plans.prune(session, keep=0)
    carry_out(portal)
    assert "was replaced" in outcome(portal)
    assert portal.audit_lines() == []


def test_what_changed_since_the_approval_is_left_and_counted(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")
    portal.api.advance(60)
    portal.edit_as_person(contacts[2], lifecyclestage="evangelist")
    carry_out(portal)
    assert outcome(portal) == "1 no longer valid"
    assert portal.stage(contacts[2]) == "evangelist"


def test_an_approval_reads_no_more_of_the_plan_than_its_first_correction(
    portal: ConnectedPortal, contacts: list[Ref], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.operations.review_plan._PAGE", 1)
    read_pages = count()
    read_corrections = plans.read_corrections

    def read_page(*args: Any, **options: Any) -> list[tuple[int, tuple[Correction, ...]]]:
        assert next(read_pages) == 0
        return read_corrections(*args, **options)

    monkeypatch.setattr(plans, "read_corrections", read_page)
    approve(portal.context(new_rules=True), waiting(portal), "anna")
    assert next(read_pages) == 1


def test_an_approved_plan_is_taken_batch_by_batch_and_never_whole(
    portal: ConnectedPortal, contacts: list[Ref], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.operations.review_plan._PAGE", 1)
    monkeypatch.setattr("connector.operations.apply_plan._CHUNK", 1)
    steps: list[str] = []
    read_corrections, add = plans.read_corrections, plans.add
    reviewed = waiting(portal)
    approve(portal.context(new_rules=True), reviewed, "anna")

    def read_page(
        session: Transaction, plan_id: str, **options: Any
    ) -> list[tuple[int, tuple[Correction, ...]]]:
        steps.append("read")
        return read_corrections(session, plan_id, **options)

    def add_batch(session: Transaction, plan_id: str, moves: list[tuple[Correction, ...]]) -> None:
        steps.append("store")
        add(session, plan_id, moves)

    with monkeypatch.context() as watched:
        watched.setattr(plans, "read_corrections", read_page)
        watched.setattr(plans, "add", add_batch)
        assert carry_out(portal) == 1
    stored_at = [place for place, step in enumerate(steps) if step == "store"]
    assert len(stored_at) == len(contacts)
    # Between two batches that are stored, no more than the next page is read.
    assert [later - earlier for earlier, later in pairwise(stored_at)] == [2, 2]
    assert [portal.stage(ref) for ref in contacts] == ["opportunity", "opportunity", "customer"]


def test_a_rejection_that_did_not_come_to_its_end_is_carried_out_by_the_daemon(
    portal: ConnectedPortal, contacts: list[Ref], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.operations.review_plan._PAGE", 1)
    batches, add = count(), holds.add

    def add_two(session: Transaction, batch: list[Hold]) -> None:
        if next(batches) == 2:
            raise TemporaryError("the process ends here")
        add(session, batch)

    with monkeypatch.context() as dying, pytest.raises(TemporaryError):
        dying.setattr(holds, "add", add_two)
        reject(portal.context(new_rules=True), waiting(portal), "anna")
    # What was held by then is held, each in a transaction of its own.
    assert len(rejections(portal)) == 2
    assert carry_out(portal) == 1
    assert len(rejections(portal)) == 5
    assert outcome(portal) == "5 corrections are held"
    sync(portal.context())
    assert [portal.stage(ref) for ref in contacts] == ["lead"] * 3


def test_each_action_that_ended_is_logged_with_the_head_of_all_of_them(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    context = portal.context(new_rules=True)
    with capture_logs() as logs:
        approve(context, waiting(portal, rule="won"), "anna")
        reject(context, waiting(portal, rule="open-deal"), "bob")
        carry_out(portal)
        hold_record(context, contacts[1], user="bob", reason="pilot")
        release_record(context, contacts[1], user="bob")
        set_review_only(context, review_only=True, user="anna")
    ended = [entry for entry in logs if entry["event"] == "action.ended"]
    verbs = ["reject", "approve", "hold", "release", "review only"]
    assert [entry["verb"] for entry in ended] == verbs
    assert [entry["action_rows"] for entry in ended] == [3, 4, 6, 8, 10]
    with portal.store.reading("1") as session:
        assert operator_actions.verify(session).last_hash == ended[-1]["action_head"]


def test_without_a_plan_or_a_correction_there_is_nothing_to_review(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    context = portal.context(new_rules=True)
    with pytest.raises(UserError, match="no such correction"):
        approve(context, waiting(portal, rule="lost"), "anna")
    with portal.store.begin("1") as session:
        plans.prune(session, keep=0)
    with pytest.raises(UserError, match="No plan waits"):
        approve(context, PlanPart(digest="x"), "anna")


def test_a_temporary_failure_leaves_the_request_waiting(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")

    def fail() -> None:
        raise TemporaryError("HubSpot does not answer")

    portal.take_requests()
    portal.api.before("read", 1, fail)
    with pytest.raises(TemporaryError):
        carry_out(portal)
    assert outcome(portal) == "not done: HubSpot does not answer"
    assert carry_out(portal) == 1
    assert portal.stage(contacts[2]) == "customer"
    assert outcome(portal) == "1 applied (the try before: not done: HubSpot does not answer)"


def test_an_action_that_fails_for_now_holds_up_no_later_one(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")
    approve(portal.context(new_rules=True), waiting(portal, rule="open-deal"), "bob")
    ended: list[str] = []

    def fail() -> None:
        raise TemporaryError("HubSpot does not answer")

    portal.take_requests()
    portal.api.before("read", 1, fail)
    with pytest.raises(TemporaryError, match="does not answer"):
        carry_out_waiting(lambda: portal.context(new_rules=True), on_ended=lambda: ended.append(""))
    assert [portal.stage(ref) for ref in contacts] == ["opportunity", "opportunity", "lead"]
    assert len(ended) == 1
    with portal.store.reading("1") as session:
        (still_waiting,) = operator_actions.read_waiting(session)
    assert (still_waiting.user, still_waiting.rule) == ("anna", "won")


@pytest.mark.parametrize("error", [UserError("the disk is full"), TemporaryError("no answer")])
def test_a_stopped_approval_says_what_it_had_written(
    portal: ConnectedPortal, contacts: list[Ref], error: ConnectorError
) -> None:
    approve(portal.context(new_rules=True), waiting(portal, rule="won"), "anna")

    def fail(context: RunContext, plan: PlanHead) -> Counter[Outcome]:
        push(context, plan)
        raise error

    with pytest.MonkeyPatch.context() as stopping:
        stopping.setattr("connector.operations.apply_plan.push", fail)
        with suppress(TemporaryError):
            carry_out(portal)
    assert portal.stage(contacts[2]) == "customer"
    assert outcome(portal) == f"stopped after 1 applied: {error}"


def test_an_undo_of_what_a_person_changed_since_names_what_it_left(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    run = sync(portal.context()).run
    portal.api.advance(60)
    portal.edit_as_person(contacts[2], lifecyclestage="evangelist")
    now = portal.api.now()
    for selection in (Selection(run=run), Selection(record=contacts[2])):
        request_undo(portal.context(), selection, user="anna", confirmed_at=now)
    assert carry_out(portal) == 2
    with portal.store.reading("1") as session:
        by_record, by_run = operator_actions.read(session)[:2]
    assert (by_run.outcome, by_record.outcome) == ("4 applied, 1 not undone", "1 not undone")
    assert [portal.stage(ref) for ref in contacts] == ["lead", "lead", "evangelist"]


def test_an_undo_leaves_what_was_written_after_it_was_asked_for(
    portal: ConnectedPortal, contacts: list[Ref]
) -> None:
    sync(portal.context())
    asked_at = portal.api.now()
    request_undo(
        portal.context(), Selection(record=contacts[0]), user="anna", confirmed_at=asked_at
    )
    portal.api.advance(60)
    portal.deal(WON, contacts[0])
    sync(portal.context())
    assert portal.stage(contacts[0]) == "customer"
    carry_out(portal)
    assert portal.stage(contacts[0]) == "customer"
