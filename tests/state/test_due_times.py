"""Due records come in the order of ids, never later than asked, and none is lost."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from connector.core.model import ALWAYS_READ_TYPES, ObjectType
from state import due_times, mirror
from state.db.store import Store
from state.db.transaction import Transaction
from tests.fakes.stored import erase_mirror
from tests.state.examples import (
    NOON,
    OTHER_PORTAL,
    PORTAL,
    at,
    company,
    contact,
    deal,
    in_portal,
    record,
)

CONTACTS = ObjectType.CONTACTS


@given(
    ids=st.sets(st.integers(1, 2**53), max_size=20) | st.just({9, 10, 100}),
    limit=st.integers(1, 7),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_pages_of_due_records_walk_through_all_ids_as_integers(
    store: Store, ids: set[int], limit: int
) -> None:
    ids_seen: list[int] = []
    with store.begin(PORTAL) as session:
        erase_mirror(session)
        mirror.put(session, [record(contact(number)) for number in ids], due_at=NOON)
        after = "0"
        while page := due_times.due_refs(
            session, CONTACTS, until=NOON, after_id=after, limit=limit
        ):
            ids_seen += [int(ref.id) for ref in page]
            after = page[-1].id
    assert ids_seen == sorted(ids)


def test_a_record_is_not_due_before_its_time(session: Transaction) -> None:
    mirror.put(session, [record(contact(1))], due_at=at(1))
    assert due_times.due_refs(session, CONTACTS, until=at(0)) == ()
    assert due_times.due_refs(session, CONTACTS, until=at(1)) == (contact(1),)


def test_each_type_is_due_by_itself(session: Transaction) -> None:
    refs = (contact(1), company(1), deal(1))
    mirror.put(session, [record(ref) for ref in refs], due_at=NOON)
    assert due_times.due_refs(session, ObjectType.COMPANIES, until=NOON) == (company(1),)
    assert due_times.count_due(session, until=NOON) == dict.fromkeys(ALWAYS_READ_TYPES, 1)
    assert due_times.count_due(session, until=at(-1)) == dict.fromkeys(ALWAYS_READ_TYPES, 0)


def test_marking_makes_a_record_due_earlier_but_never_later(session: Transaction) -> None:
    _put_with(session, {1: None, 2: 5, 3: 1})
    due_times.mark_due(session, [contact(number) for number in (1, 2, 3, 4)], at=at(3))
    assert due_times.due_refs(session, CONTACTS, until=at(2)) == (contact(3),)
    assert due_times.due_refs(session, CONTACTS, until=at(3)) == tuple(map(contact, (1, 2, 3)))


def test_all_contacts_and_companies_can_be_made_due(session: Transaction) -> None:
    _put_with(session, {1: None, 2: 5, 3: 1})
    mirror.put(session, [record(company(1)), record(deal(1))], due_at=at(9))
    mirror.put(in_portal(session, OTHER_PORTAL), [record(contact(1))], due_at=at(9))
    due_times.mark_all_due(session, at=at(3))
    assert due_times.due_refs(session, CONTACTS, until=at(2)) == (contact(3),)
    assert due_times.count_due(session, until=at(3)) == {
        ObjectType.CONTACTS: 3,
        ObjectType.COMPANIES: 1,
        ObjectType.DEALS: 0,
    }
    assert due_times.count_due(in_portal(session, OTHER_PORTAL), until=at(3))[CONTACTS] == 0


def test_a_time_that_is_set_replaces_the_last_one(session: Transaction) -> None:
    _put_with(session, {1: 0, 2: 0, 3: 0})
    due_times.set_due(session, {contact(1): None, contact(2): at(5)})
    due_times.set_due(session, {})
    assert due_times.due_refs(session, CONTACTS, until=at(4)) == (contact(3),)
    assert due_times.due_refs(session, CONTACTS, until=at(5)) == (contact(2), contact(3))


@pytest.mark.sqlite
def test_due_records_are_found_without_reading_the_others(session: Transaction) -> None:
    plan = session.execute(
        text(
            "EXPLAIN QUERY PLAN SELECT object_id FROM mirror WHERE portal_id = 1 AND object_type "
            "= 'contacts' AND object_id > 5 AND due_at <= 9 ORDER BY object_id LIMIT 9"
        )
    ).all()
    assert [row.detail for row in plan] == [
        "SEARCH mirror USING COVERING INDEX mirror_due "
        "(portal_id=? AND object_type=? AND object_id>?)"
    ]


def _put_with(session: Transaction, times: dict[int, int | None]) -> None:
    mirror.put(session, [record(contact(number)) for number in times], due_at=NOON)
    due_times.set_due(
        session,
        {
            contact(number): None if minutes is None else at(minutes)
            for number, minutes in times.items()
        },
    )
