"""Synchronising: rounds until nothing is left, one writer at a time, and what it reports."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, STATUS, Outcome
from connector.errors import TemporaryError
from connector.propose import propose
from connector.pull import pull
from connector.sync import apply, sync
from state import mirror, runs
from tests.usecases.office import CONTACTS, DAY, OPEN, SQL, WON, Office


def test_a_sync_recovers_pulls_decides_and_pushes(office: Office) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    done = sync(office.desk())
    assert done.recovered == 0
    assert done.pulled is not None
    assert done.pulled.read[CONTACTS] == 1
    assert done.plan.summary["corrections"] == 1
    assert done.outcomes == {Outcome.APPLIED: 1}
    assert office.stage(person) == "customer"


def test_an_apply_asks_hubspot_for_no_changes(office: Office) -> None:
    person = office.contact("lead")
    deal = office.deal(OPEN, person)
    pull(office.desk())
    office.edit(deal, dealstage=WON)
    office.requests()
    done = apply(office.desk())
    assert done.pulled is None
    assert office.stage(person) == "opportunity"
    assert set(office.requests()) <= {"read", "update"}


def test_what_comes_to_light_while_writing_is_put_right_in_further_rounds(office: Office) -> None:
    person = office.contact(SQL)
    office.deal(OPEN, person)
    office.door.before("read", 2, lambda: office.edit(person, **{STATUS: "CONNECTED"}))
    done = sync(office.desk())
    assert done.plan.summary["corrections"] == 2
    assert done.outcomes == {Outcome.STALE: 2, Outcome.APPLIED: 2}
    assert (office.stage(person), office.status(person)) == ("opportunity", "OPEN_DEAL")


def test_a_record_that_never_stands_still_is_given_up_after_three_rounds(office: Office) -> None:
    person = office.contact("subscriber")
    office.deal(WON, person)

    def never_still(number: int = 1) -> None:
        office.edit(person, **{STAGE: "lead" if number % 2 else "subscriber"})
        office.door.before("read", 2 * number + 2, lambda: never_still(number + 1))

    office.door.before("read", 2, never_still)
    done = sync(office.desk())
    assert done.outcomes == {Outcome.STALE: 3}
    assert office.door.sent == []
    assert office.due() == (person,)


def test_what_was_left_open_is_finished_before_anything_else(office: Office) -> None:
    person = office.contact("lead")
    office.deal(WON, person)
    office.door.before("read", 3, lambda: office.door.fail("read", TemporaryError("later")))
    with pytest.raises(TemporaryError):
        sync(office.desk())
    office.door.advance(DAY)
    office.requests()
    order: list[str] = []
    office.door.before("read", 1, lambda: order.append("read"))
    office.door.before("changed", 1, lambda: order.append("changed"))
    done = sync(office.desk())
    assert done.recovered == 1
    assert order == ["read", "changed"]
    assert office.outcomes() == [(str(person), "customer", "applied")]


def test_one_writer_per_portal_at_a_time(office: Office) -> None:
    desk = office.desk()
    with (
        office.store.writer_lock(desk.portal_id, who="connector apply"),
        pytest.raises(TemporaryError, match="connector apply"),
    ):
        sync(desk)
    sync(desk)


def test_a_failed_run_lets_the_next_one_in(office: Office) -> None:
    office.door.fail("page", TemporaryError("later"))
    with pytest.raises(TemporaryError):
        sync(office.desk())
    assert sync(office.desk()).plan.summary["corrections"] == 0


def test_deciding_after_applying_gives_an_empty_plan(office: Office) -> None:
    for stage in ("", "lead", "customer", "opportunity", "other"):
        for deal in (OPEN, WON):
            office.deal(deal, office.contact(stage), office.company(stage))
    sync(office.desk())
    with office.store.begin() as session:
        mirror.mark_all_due(session, "1", at=office.door.now())
    plan = propose(office.desk(), number=9)
    assert office.changes(plan) == []
    assert sum(plan.summary["records_looked_at"].values()) == 20


def test_the_run_is_remembered_with_how_it_ended(office: Office) -> None:
    office.deal(WON, office.contact("lead"))
    desk = office.desk()
    sync(desk)
    with office.store.reading() as session:
        found = runs.latest(session, "1")
    assert found is not None
    assert (found.run, dict(found.summary)) == (desk.run, {"applied": 1})
