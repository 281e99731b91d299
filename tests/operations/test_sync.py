"""Synchronising: rounds until nothing is left, one writer at a time, and what it reports."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, STATUS, Outcome
from connector.errors import TemporaryError
from connector.operations.sync import apply, sync
from connector.plan.propose import propose
from connector.pull.poll import pull
from state import due_times, runs
from tests.fakes.connected_portal import CONTACTS, DAY, OPEN, SQL, WON, ConnectedPortal


def test_a_sync_recovers_pulls_decides_and_pushes(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    result = sync(portal.context())
    assert result.recovered == 0
    assert result.pulled is not None
    assert result.pulled.read[CONTACTS] == 1
    assert result.plan.summary.corrections == 1
    assert result.outcomes == {Outcome.APPLIED: 1}
    assert portal.stage(contact) == "customer"


def test_an_apply_asks_hubspot_for_no_changes(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(OPEN, contact)
    pull(portal.context())
    portal.edit(deal, dealstage=WON)
    portal.take_requests()
    result = apply(portal.context())
    assert result.pulled is None
    # The deal is named as evidence, so it is read again before the write: it is won by now.
    assert portal.stage(contact) == "customer"
    assert set(portal.take_requests()) <= {"read", "update"}


def test_what_comes_to_light_while_writing_is_put_right_in_further_rounds(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    portal.api.before("read", 2, lambda: portal.edit(contact, **{STATUS: "CONNECTED"}))
    result = sync(portal.context())
    assert result.plan.summary.corrections == 2
    assert result.outcomes == {Outcome.STALE: 2, Outcome.APPLIED: 2}
    assert (portal.stage(contact), portal.status(contact)) == ("opportunity", "OPEN_DEAL")


def test_a_record_that_never_stands_still_is_given_up_after_three_rounds(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("subscriber")
    portal.deal(WON, contact)

    def edit_again(number: int = 1) -> None:
        portal.edit(contact, **{STAGE: "lead" if number % 2 else "subscriber"})
        portal.api.before("read", 2 * number + 2, lambda: edit_again(number + 1))

    portal.api.before("read", 2, edit_again)
    result = sync(portal.context())
    assert result.outcomes == {Outcome.STALE: 3}
    assert portal.api.sent_updates == []
    assert portal.due() == (contact,)


def test_what_was_left_open_is_finished_before_anything_else(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.before("read", 4, lambda: portal.api.fail("read", TemporaryError("later")))
    with pytest.raises(TemporaryError):
        sync(portal.context())
    portal.api.advance(DAY)
    portal.take_requests()
    order: list[str] = []
    portal.api.before("read", 1, lambda: order.append("read"))
    portal.api.before("changed", 1, lambda: order.append("changed"))
    result = sync(portal.context())
    assert result.recovered == 1
    assert order == ["read", "changed"]
    assert portal.outcomes() == [(str(contact), "customer", "applied")]


def test_one_writer_per_portal_at_a_time(portal: ConnectedPortal) -> None:
    context = portal.context()
    with (
        portal.store.writer_lock(context.portal_id, holder_name="connector apply"),
        pytest.raises(TemporaryError, match="connector apply"),
    ):
        sync(context)
    sync(context)


def test_a_failed_run_lets_the_next_one_in(portal: ConnectedPortal) -> None:
    portal.api.fail("page", TemporaryError("later"))
    with pytest.raises(TemporaryError):
        sync(portal.context())
    assert sync(portal.context()).plan.summary.corrections == 0


def test_deciding_after_applying_gives_an_empty_plan(portal: ConnectedPortal) -> None:
    for stage in ("", "lead", "customer", "opportunity", "other"):
        for deal in (OPEN, WON):
            portal.deal(deal, portal.contact(stage), portal.company(stage))
    sync(portal.context())
    with portal.store.begin("1") as session:
        due_times.mark_all_due(session, at=portal.api.now())
    plan = propose(portal.context(), number=9)
    assert portal.changes(plan) == []
    assert sum(plan.summary.records_looked_at.values()) == 20


def test_the_run_is_remembered_with_how_it_ended(portal: ConnectedPortal) -> None:
    portal.deal(WON, portal.contact("lead"))
    context = portal.context()
    sync(context)
    with portal.store.reading("1") as session:
        run = runs.latest(session)
    assert run is not None
    assert (run.run, dict(run.summary)) == (context.run, {"applied": 1})
