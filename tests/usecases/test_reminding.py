"""Tasks for owners: once, within the limit, and never against a pause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.desk import Desk
from connector.errors import TemporaryError
from connector.hubspot.faults import OutcomeUnknown, RequestRefused, ScopeMissing
from connector.pausing import Paused, pause
from connector.pull import pull
from connector.reminding import LATE, remind, upcoming
from connector.sync import sync
from state import tasks
from tests.usecases.office import DAY, SQL, Office

POLICY = "extends: standard\nsettings: {follow_up: {tasks: yes, limit: 3}}"
HOUR = LATE.total_seconds()


def desk_of(office: Office, policy: str = POLICY) -> Desk:
    desk = office.desk(policy)
    pull(desk)
    office.requests()
    return desk


def overlook(office: Office, count: int = 1) -> list[str]:
    """Let contacts with an owner wait for a week; return their names."""
    found = [office.contact(SQL, "NEW", hubspot_owner_id="7") for _ in range(count)]
    office.door.advance(7 * DAY)
    return [str(one) for one in found]


def created(office: Office) -> list[str]:
    return [str(one.contact) for one in office.door.tasks.values()]


def test_nothing_is_created_unless_the_policy_says_so(office: Office) -> None:
    overlook(office)
    desk = desk_of(office, "extends: standard")
    assert (remind(desk), upcoming(desk), office.requests().total()) == (0, (), 0)


def test_each_contact_gets_one_task_however_often_somebody_looks(office: Office) -> None:
    names = overlook(office, 2)
    assert [remind(desk_of(office)) for _ in range(3)] == [2, 0, 0]
    office.door.advance(30 * DAY)
    assert remind(desk_of(office)) == 0
    assert created(office) == names


def test_no_more_are_created_in_a_day_than_the_limit_allows(office: Office) -> None:
    names = overlook(office, 5)
    assert (remind(desk_of(office)), remind(desk_of(office))) == (3, 0)
    office.door.advance(DAY + 1)
    assert remind(desk_of(office)) == 2
    assert sorted(created(office)) == sorted(names)


def test_nothing_is_created_while_the_portal_is_paused(office: Office) -> None:
    overlook(office)
    desk = desk_of(office)
    pause(office.store, "1", at=office.door.now(), reason="import")
    with pytest.raises(Paused):
        remind(desk)
    assert created(office) == []


def test_a_task_whose_creation_was_cut_short_is_found_and_not_created_again(
    office: Office,
) -> None:
    overlook(office)
    office.door.fail("create_task", OutcomeUnknown("502"), after=True)
    with pytest.raises(OutcomeUnknown):
        remind(desk_of(office))
    office.door.unseen.update(office.door.tasks)  # the index lags
    assert remind(desk_of(office)) == 0
    office.door.unseen.clear()
    office.door.advance(HOUR)
    assert remind(desk_of(office)) == 0
    assert len(created(office)) == 1
    with office.store.reading() as session:
        assert tasks.open_ones(session, "1") == ()


def test_a_task_that_never_arrived_is_created_once_that_is_sure(office: Office) -> None:
    names = overlook(office)
    office.door.fail("create_task", OutcomeUnknown("timeout"))
    with pytest.raises(OutcomeUnknown):
        remind(desk_of(office))
    assert remind(desk_of(office)) == 0
    office.door.advance(HOUR)
    assert remind(desk_of(office)) == 1
    assert created(office) == names


def test_a_journal_that_was_lost_makes_no_second_task(office: Office) -> None:
    overlook(office)
    remind(desk_of(office))
    with office.store.begin() as session:
        tasks.erase(session, "1", [one.contact for one in office.door.tasks.values()])
    assert remind(desk_of(office)) == 0
    assert len(created(office)) == 1


def test_a_task_that_hubspot_refuses_is_left_alone_and_the_others_are_created(
    office: Office,
) -> None:
    names = overlook(office, 2)
    office.door.fail("create_task", RequestRefused("INVALID_OWNER_ID"))
    assert (remind(desk_of(office)), remind(desk_of(office))) == (1, 0)
    assert created(office) == names[1:]


@pytest.mark.parametrize(
    "error", [ScopeMissing("add crm.objects.contacts.write"), TemporaryError("away")]
)
def test_what_stops_the_tasks_stops_nothing_else_and_is_tried_again(
    office: Office, error: ScopeMissing | TemporaryError
) -> None:
    names = overlook(office)
    office.door.fail("create_task", error)
    done = sync(office.desk(POLICY))
    assert (done.tasks, created(office)) == (0, [])
    assert sync(office.desk(POLICY)).tasks == 1
    assert created(office) == names


def test_what_is_shown_is_what_is_created(office: Office) -> None:
    overlook(office, 2)
    desk = desk_of(office)
    shown = upcoming(desk)
    assert created(office) == []
    remind(replace(desk, run="run-9"))
    assert tuple(office.door.tasks.values()) == shown
