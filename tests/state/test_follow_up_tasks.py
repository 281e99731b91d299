"""Tasks are stored before they are sent, one for each contact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.core.follow_up.tasks import Task
from connector.core.model import Ref
from state import cascade, follow_up_tasks
from state.db.store import Store

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANNA, BJORN = Ref.parse("contacts/1"), Ref.parse("contacts/2")


def task(contact: Ref) -> Task:
    return Task(contact=contact, owner="7", subject=f"Follow up: {contact}", body="x", due_at=NOW)


def test_what_was_promised_is_open_until_it_ends(store: Store) -> None:
    with store.begin("1") as session:
        for contact in (BJORN, ANNA, Ref.parse("contacts/3")):
            follow_up_tasks.promise(session, task(contact), at=NOW)
        follow_up_tasks.mark_refused(session, Ref.parse("contacts/3"))
        open_tasks = follow_up_tasks.read_promised(session)
        assert [(open_task.task, open_task.at) for open_task in open_tasks] == [
            (task(ANNA), NOW),
            (task(BJORN), NOW),
        ]
        follow_up_tasks.mark_created(session, ANNA, "60")
        assert [open_task.task.contact for open_task in follow_up_tasks.read_promised(session)] == [
            BJORN
        ]
    with store.reading("2") as session:
        assert follow_up_tasks.read_promised(session) == ()


def test_tasks_are_counted_since_a_moment(store: Store) -> None:
    with store.begin("1") as session:
        follow_up_tasks.promise(session, task(ANNA), at=NOW)
        follow_up_tasks.promise(session, task(BJORN), at=NOW + HOUR)
        assert follow_up_tasks.last_promised(session, [ANNA, Ref.parse("contacts/9")]) == {
            ANNA: NOW
        }
        counts = [follow_up_tasks.count_promised(session, NOW + n * HOUR) for n in (-1, 0, 1)]
    assert counts == [2, 1, 0]
    with store.reading("2") as session:
        assert follow_up_tasks.count_promised(session, NOW - HOUR) == 0


def test_the_survivor_of_a_merge_has_the_task_and_what_is_deleted_has_none(store: Store) -> None:
    with store.begin("1") as session:
        follow_up_tasks.promise(session, task(ANNA), at=NOW)
        cascade.follow_merge(session, {ANNA: BJORN}, at=NOW)
        assert follow_up_tasks.last_promised(session, [ANNA, BJORN]) == {BJORN: NOW}
        cascade.erase(session, [BJORN], at=NOW)
        assert follow_up_tasks.last_promised(session, [ANNA, BJORN]) == {}
