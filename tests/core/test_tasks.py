"""Which overlooked contacts become a task: those with an owner, once for each stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.core.model import Ref
from connector.core.overlooked import Lack, Overlooked
from connector.core.tasks import Task, tasks

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ANNA, BJORN = Ref.parse("contacts/1"), Ref.parse("contacts/2")


def waiting(
    record: Ref = ANNA, *, days: int = 6, owner: str = "7", exact: bool = True
) -> Overlooked:
    return Overlooked(
        record=record,
        stage="salesqualifiedlead",
        since=NOW - days * DAY,
        exact=exact,
        status="NEW",
        owner=owner,
        lacks=(Lack.STATUS,),
    )


def test_a_task_says_who_waits_since_when_and_why() -> None:
    assert list(tasks([waiting()], {}, NOW)) == [
        Task(
            contact=ANNA,
            owner="7",
            subject="Follow up: contacts/1 is ready for sales since 2026-03-06",
            body="Nobody has worked on the lead status.",
            due_at=NOW,
        )
    ]


def test_who_waits_longest_comes_first_and_without_an_owner_there_is_no_task() -> None:
    found = [waiting(), waiting(BJORN, days=9), waiting(Ref.parse("contacts/3"), owner="")]
    assert [one.contact for one in tasks(found, {}, NOW)] == [BJORN, ANNA]


def test_a_contact_gets_one_task_for_each_stay_in_its_stage() -> None:
    assert list(tasks([waiting()], {ANNA: NOW - 2 * DAY}, NOW)) == []
    assert len(list(tasks([waiting()], {ANNA: NOW - 7 * DAY}, NOW))) == 1


def test_where_nobody_knows_when_a_stay_began_one_task_is_enough() -> None:
    assert list(tasks([waiting(exact=False)], {ANNA: NOW - 90 * DAY}, NOW)) == []
