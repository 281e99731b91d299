"""Which overlooked contacts become a task: those with an owner, once for each stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.core.follow_up.overlooked import MissingFollowUp, OverlookedContact
from connector.core.follow_up.tasks import Task, follow_up_tasks
from connector.core.model import Ref

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ANNA, BJORN = Ref.parse("contacts/1"), Ref.parse("contacts/2")


def overlooked_contact(
    record: Ref = ANNA,
    *,
    days: int = 6,
    owner: str = "7",
    exact: bool = True,
    missing: tuple[MissingFollowUp, ...] = (MissingFollowUp.STATUS,),
) -> OverlookedContact:
    return OverlookedContact(
        record=record,
        stage="salesqualifiedlead",
        since=NOW - days * DAY,
        since_is_exact=exact,
        status="NEW",
        owner=owner,
        term=5 * DAY,
        missing_follow_up=missing,
    )


def test_a_task_says_who_waits_since_when_and_why() -> None:
    assert list(follow_up_tasks([overlooked_contact()], {}, NOW)) == [
        Task(
            contact=ANNA,
            owner="7",
            subject="Follow up: contacts/1 is ready for sales since 2026-03-06",
            body="Nobody has worked on the lead status.",
            due_at=NOW,
        )
    ]


def test_who_waits_longest_comes_first_and_without_an_owner_there_is_no_task() -> None:
    contacts = [
        overlooked_contact(),
        overlooked_contact(BJORN, days=9),
        overlooked_contact(Ref.parse("contacts/3"), owner=""),
    ]
    assert [task.contact for task in follow_up_tasks(contacts, {}, NOW)] == [BJORN, ANNA]


def test_a_contact_gets_one_task_for_each_stay_in_its_stage() -> None:
    assert list(follow_up_tasks([overlooked_contact()], {ANNA: NOW - 2 * DAY}, NOW)) == []
    assert len(list(follow_up_tasks([overlooked_contact()], {ANNA: NOW - 7 * DAY}, NOW))) == 1


def test_where_nobody_knows_when_a_stay_began_one_task_is_enough() -> None:
    assert (
        list(follow_up_tasks([overlooked_contact(exact=False)], {ANNA: NOW - 90 * DAY}, NOW)) == []
    )


def test_a_task_of_who_fits_does_not_say_that_sales_has_it() -> None:
    contact = overlooked_contact(missing=(MissingFollowUp.HANDOVER,))
    (task,) = follow_up_tasks([contact], {}, NOW)
    assert "fits and waits since" in task.subject
    assert task.body == "It fits, and nobody has taken it over."
