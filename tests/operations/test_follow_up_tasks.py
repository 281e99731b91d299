"""Tasks for owners: once, within the limit, and never against a pause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.context import RunContext
from connector.errors import TemporaryError
from connector.hubspot.http.failures import OutcomeUnknown, RequestRefused, ScopeMissing
from connector.operations.follow_up_tasks import SEARCH_DELAY, create_due_tasks, upcoming_tasks
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.push.pause import Paused, pause
from state import follow_up_tasks
from tests.fakes.connected_portal import DAY, SQL, ConnectedPortal

POLICY = "extends: standard\nsettings: {follow_up: {tasks: yes, limit: 3}}"
HOUR = SEARCH_DELAY.total_seconds()


def pulled_context(portal: ConnectedPortal, policy: str = POLICY) -> RunContext:
    context = portal.context(policy)
    pull(context)
    portal.take_requests()
    return context


def create_overlooked(portal: ConnectedPortal, count: int = 1) -> list[str]:
    """Let contacts with an owner wait for a week; return their names."""
    contacts = [portal.contact(SQL, "NEW", hubspot_owner_id="7") for _ in range(count)]
    portal.api.advance(7 * DAY)
    return [str(contact) for contact in contacts]


def contacts_with_tasks(portal: ConnectedPortal) -> list[str]:
    return [str(task.contact) for task in portal.api.tasks.values()]


def test_nothing_is_created_unless_the_policy_says_so(portal: ConnectedPortal) -> None:
    create_overlooked(portal)
    context = pulled_context(portal, "extends: standard")
    assert (create_due_tasks(context), upcoming_tasks(context), portal.take_requests().total()) == (
        0,
        (),
        0,
    )


def test_each_contact_gets_one_task_however_often_somebody_looks(portal: ConnectedPortal) -> None:
    names = create_overlooked(portal, 2)
    assert [create_due_tasks(pulled_context(portal)) for _ in range(3)] == [2, 0, 0]
    portal.api.advance(30 * DAY)
    assert create_due_tasks(pulled_context(portal)) == 0
    assert contacts_with_tasks(portal) == names


def test_no_more_are_created_in_a_day_than_the_limit_allows(portal: ConnectedPortal) -> None:
    names = create_overlooked(portal, 5)
    assert (create_due_tasks(pulled_context(portal)), create_due_tasks(pulled_context(portal))) == (
        3,
        0,
    )
    portal.api.advance(DAY + 1)
    assert create_due_tasks(pulled_context(portal)) == 2
    assert sorted(contacts_with_tasks(portal)) == sorted(names)


def test_nothing_is_created_while_the_portal_is_paused(portal: ConnectedPortal) -> None:
    create_overlooked(portal)
    context = pulled_context(portal)
    pause(portal.store, "1", at=portal.api.now(), reason="import")
    with pytest.raises(Paused):
        create_due_tasks(context)
    assert contacts_with_tasks(portal) == []


def test_a_task_whose_creation_was_cut_short_is_found_and_not_created_again(
    portal: ConnectedPortal,
) -> None:
    create_overlooked(portal)
    portal.api.fail("create_task", OutcomeUnknown("502"), after=True)
    with pytest.raises(OutcomeUnknown):
        create_due_tasks(pulled_context(portal))
    portal.api.not_indexed.update(portal.api.tasks)  # the index lags
    assert create_due_tasks(pulled_context(portal)) == 0
    portal.api.not_indexed.clear()
    portal.api.advance(HOUR)
    assert create_due_tasks(pulled_context(portal)) == 0
    assert len(contacts_with_tasks(portal)) == 1
    with portal.store.reading("1") as session:
        assert follow_up_tasks.read_promised(session) == ()


def test_a_task_that_never_arrived_is_created_once_that_is_sure(portal: ConnectedPortal) -> None:
    names = create_overlooked(portal)
    portal.api.fail("create_task", OutcomeUnknown("timeout"))
    with pytest.raises(OutcomeUnknown):
        create_due_tasks(pulled_context(portal))
    assert create_due_tasks(pulled_context(portal)) == 0
    portal.api.advance(HOUR)
    assert create_due_tasks(pulled_context(portal)) == 1
    assert contacts_with_tasks(portal) == names


def test_a_journal_that_was_lost_makes_no_second_task(portal: ConnectedPortal) -> None:
    create_overlooked(portal)
    create_due_tasks(pulled_context(portal))
    with portal.store.begin("1") as session:
        follow_up_tasks.erase(session, [task.contact for task in portal.api.tasks.values()])
    assert create_due_tasks(pulled_context(portal)) == 0
    assert len(contacts_with_tasks(portal)) == 1


def test_a_task_that_hubspot_refuses_is_left_alone_and_the_others_are_created(
    portal: ConnectedPortal,
) -> None:
    names = create_overlooked(portal, 2)
    portal.api.fail("create_task", RequestRefused("INVALID_OWNER_ID"))
    assert (create_due_tasks(pulled_context(portal)), create_due_tasks(pulled_context(portal))) == (
        1,
        0,
    )
    assert contacts_with_tasks(portal) == names[1:]


@pytest.mark.parametrize(
    "error", [ScopeMissing("add crm.objects.contacts.write"), TemporaryError("away")]
)
def test_what_stops_the_tasks_stops_nothing_else_and_is_tried_again(
    portal: ConnectedPortal, error: ScopeMissing | TemporaryError
) -> None:
    names = create_overlooked(portal)
    portal.api.fail("create_task", error)
    result = sync(portal.context(POLICY))
    assert (result.tasks, contacts_with_tasks(portal)) == (0, [])
    assert sync(portal.context(POLICY)).tasks == 1
    assert contacts_with_tasks(portal) == names


def test_what_is_shown_is_what_is_created(portal: ConnectedPortal) -> None:
    create_overlooked(portal, 2)
    context = pulled_context(portal)
    shown = upcoming_tasks(context)
    assert contacts_with_tasks(portal) == []
    create_due_tasks(replace(context, run="run-9"))
    assert tuple(portal.api.tasks.values()) == shown
