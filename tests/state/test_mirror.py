"""The mirror holds the newest version of each record, complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.core.model import ALWAYS_READ_TYPES, ObjectType, Record
from state import associations, due_times, ledger, mirror, mirror_queries
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
    link,
    record,
)

CONTACTS = ObjectType.CONTACTS
MANY = 2500

moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
records = st.builds(
    Record,
    ref=st.integers(1, 2**63 - 1).map(contact),
    properties=st.dictionaries(st.text(max_size=9), st.none() | st.text(max_size=9), max_size=4),
    modified_at=moments,
    created_at=moments,
    archived=st.booleans(),
)


@given(stored=st.lists(records, max_size=5, unique_by=lambda entry: entry.ref))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_was_put_is_what_is_got(store: Store, stored: list[Record]) -> None:
    with store.begin(PORTAL) as session:
        erase_mirror(session)
        mirror.put(session, stored, due_at=NOON)
        mirrored = mirror.get(session, (entry.ref for entry in stored))
    assert mirrored == {entry.ref: entry for entry in stored}


def test_blank_and_not_asked_for_stay_apart(session: Transaction) -> None:
    _put(session, record(contact(1), email=None))
    assert mirror.get(session, [contact(1)])[contact(1)].properties == {"email": None}


def test_a_portal_never_sees_the_records_of_another(session: Transaction) -> None:
    _put(session, record(contact(1)))
    assert mirror.get(in_portal(session, OTHER_PORTAL), [contact(1)]) == {}
    assert mirror.count(in_portal(session, OTHER_PORTAL))[CONTACTS] == 0
    assert _due_contacts(session, portal_id=OTHER_PORTAL) == ()


def test_a_record_that_is_not_mirrored_is_absent(session: Transaction) -> None:
    _put(session, record(contact(1)))
    assert mirror.get(session, [contact(2), company(1)]) == {}
    assert mirror.known_refs(session, [contact(1), contact(2)]) == {contact(1)}


def test_more_records_than_one_statement_holds_are_found(session: Transaction) -> None:
    refs = [contact(number) for number in range(1, MANY)]
    mirror.put(session, [record(ref) for ref in refs], due_at=NOON)
    assert mirror.get(session, refs).keys() == set(refs)
    assert mirror.known_refs(session, refs) == set(refs)


def test_nothing_to_put_is_nothing_done(session: Transaction) -> None:
    mirror.put(session, [], due_at=NOON)
    assert mirror.count(session) == dict.fromkeys(ALWAYS_READ_TYPES, 0)


def test_a_new_record_is_due(session: Transaction) -> None:
    _put(session, record(contact(1)))
    assert _due_contacts(session) == (contact(1),)


@pytest.mark.parametrize(
    "changed",
    [
        record(contact(1), email="b"),
        record(contact(1), email="a", modified=1),
        record(contact(1), email="a", score="1"),
    ],
)
def test_a_changed_record_is_due(session: Transaction, changed: Record) -> None:
    _put(session, record(contact(1), email="a"))
    due_times.set_due(session, {contact(1): None})
    _put(session, changed)
    assert _due_contacts(session) == (contact(1),)
    assert mirror.get(session, [contact(1)]) == {contact(1): changed}


def test_an_unchanged_record_keeps_its_time(session: Transaction) -> None:
    original = record(contact(1), email="a", score=None)
    _put(session, original)
    due_times.set_due(session, {contact(1): at(60)})
    _put(session, replace(original, properties={"score": None, "email": "a"}))
    assert _due_contacts(session) == ()
    assert _due_contacts(session, minutes=60) == (contact(1),)


def test_an_older_version_never_replaces_a_newer_one(session: Transaction) -> None:
    newer = record(contact(1), email="new", modified=5)
    _put(session, newer)
    due_times.set_due(session, {contact(1): None})
    older = record(contact(1), email="old", modified=4)
    assert mirror.select_changed(session, [older]) == ()
    _put(session, older)
    assert mirror.get(session, [contact(1)]) == {contact(1): newer}
    assert _due_contacts(session) == ()


def test_of_two_versions_in_one_page_the_newer_stays(session: Transaction) -> None:
    new, old = record(contact(1), email="new", modified=5), record(contact(1), email="old")
    _put(session, new, old)
    assert mirror.get(session, [contact(1)]) == {contact(1): new}


def test_changed_names_what_is_news_to_the_mirror(session: Transaction) -> None:
    same, edited, archived, touched = (
        record(contact(number), email="a") for number in (1, 2, 3, 5)
    )
    _put(session, same, edited, archived, touched)
    changes = (
        record(contact(2), email="b"),
        record(contact(3), email="a", archived=True),
        record(contact(4), email="a"),
        record(contact(5), email="a", modified=9),  # an association may have changed
    )
    assert mirror.select_changed(session, [same, *changes]) == changes


def test_a_read_back_changes_only_what_was_asked_for(session: Transaction) -> None:
    _put(session, record(contact(1), email="a", stage="lead"))
    due_times.set_due(session, {contact(1): None})
    mirror.patch(session, [record(contact(1), stage="customer", modified=1)], due_at=NOON)
    stored = mirror.get(session, [contact(1)])[contact(1)]
    assert stored == record(contact(1), email="a", stage="customer", modified=1)
    assert _due_contacts(session) == (contact(1),)


def test_a_read_back_of_an_unknown_record_is_passed_over(session: Transaction) -> None:
    mirror.patch(session, [record(contact(1), stage="customer")], due_at=NOON)
    assert mirror.get(session, [contact(1)]) == {}


def test_records_are_counted_without_the_archived_ones(session: Transaction) -> None:
    _put(session, record(contact(1)), record(contact(2)), record(contact(3), archived=True))
    _put(session, record(deal(1)))
    mirror.archive(session, [contact(2)], at=NOON)
    assert mirror.count(session) == {
        ObjectType.CONTACTS: 1,
        ObjectType.COMPANIES: 0,
        ObjectType.DEALS: 1,
    }


def test_an_archived_record_is_never_due_and_stays_readable(session: Transaction) -> None:
    _put(session, record(contact(1)), record(contact(2), archived=True))
    mirror.archive(session, [contact(1)], at=NOON)
    due_times.mark_due(session, [contact(1), contact(2)], at=NOON)
    due_times.mark_all_due(session, at=NOON)
    due_times.set_due(session, {contact(1): NOON, contact(2): NOON})
    assert _due_contacts(session, minutes=9999) == ()
    assert all(entry.archived for entry in mirror.get(session, [contact(1)]).values())


def test_a_record_that_comes_back_is_due(session: Transaction) -> None:
    _put(session, record(contact(1)))
    mirror.archive(session, [contact(1)], at=NOON)
    _put(session, record(contact(1)))
    assert _due_contacts(session) == (contact(1),)
    assert mirror.count(session)[CONTACTS] == 1


def test_forgetting_a_portal_leaves_the_others(session: Transaction) -> None:
    _put(session, record(contact(1)))
    mirror.put(in_portal(session, OTHER_PORTAL), [record(contact(1))], due_at=NOON)
    erase_mirror(session)
    assert mirror.known_refs(session, [contact(1)]) == frozenset()
    assert mirror.known_refs(in_portal(session, OTHER_PORTAL), [contact(1)]) == {contact(1)}


def test_a_company_names_its_contacts_in_the_order_of_their_ids(session: Transaction) -> None:
    _put(
        session,
        *(record(contact(number), associatedcompanyid="7") for number in (100, 9, 10)),
        record(contact(11), associatedcompanyid="8"),
        record(contact(12), associatedcompanyid=None),
        record(contact(13), associatedcompanyid="junk"),
        record(contact(14), associatedcompanyid="7", archived=True),
    )
    assert mirror.contacts_of_companies(session, [company(7), company(9)]) == {
        company(7): (contact(9), contact(10), contact(100)),
        company(9): (),
    }


def test_a_contact_that_moves_to_another_company_leaves_the_first(session: Transaction) -> None:
    _put(session, record(contact(1), associatedcompanyid="7"))
    moved = record(contact(1), associatedcompanyid="8", modified=1)
    mirror.patch(session, [moved], due_at=NOON)
    contacts_by_company = mirror.contacts_of_companies(session, [company(7), company(8)])
    assert contacts_by_company == {company(7): (), company(8): (contact(1),)}


def test_a_deal_that_moves_leaves_its_stages_in_the_ledger(session: Transaction) -> None:
    _put(session, record(deal(1), dealstage="won"))
    _put(session, record(deal(1), dealstage="open", modified=5))
    versions = ledger.read_versions(session, [deal(1)], "dealstage")[deal(1)]
    assert [(version.value, version.at, version.source_type) for version in versions] == [
        ("open", at(5), "MIRROR"),
        ("won", at(0), "MIRROR"),
    ]


def test_a_deal_that_stays_leaves_nothing_in_the_ledger(session: Transaction) -> None:
    _put(session, record(deal(1), dealstage="won"))
    _put(session, record(deal(1), dealstage="won", amount="5", modified=5))
    assert ledger.read_versions(session, [deal(1)], "dealstage") == {deal(1): ()}


def test_an_older_version_of_a_deal_is_a_sighting_as_well(session: Transaction) -> None:
    _put(session, record(deal(1), dealstage="lost", modified=5))
    _put(session, record(deal(1), dealstage="won"))
    versions = ledger.read_versions(session, [deal(1)], "dealstage")[deal(1)]
    assert [(version.value, version.at) for version in versions] == [
        ("lost", at(5)),
        ("won", at(0)),
    ]


def _put(session: Transaction, *rows: Record) -> None:
    mirror.put(session, rows, due_at=NOON)


def _due_contacts(
    session: Transaction, *, portal_id: str = PORTAL, minutes: int = 0
) -> tuple[object, ...]:
    return due_times.due_refs(in_portal(session, portal_id), CONTACTS, until=at(minutes))


def test_what_was_archived_before_a_moment_is_told(session: Transaction) -> None:
    _put(session, record(contact(1)), record(contact(2)), record(contact(3)))
    mirror.archive(session, [contact(1)], at=NOON)
    mirror.archive(session, [contact(2)], at=at(5))
    assert mirror_queries.archived_before(session, at(5)) == [contact(1)]
    assert mirror_queries.archived_before(in_portal(session, OTHER_PORTAL), at(9)) == []


@pytest.mark.parametrize("stage", ["customer", "42", 'a"b', "100%_", "Kjøper / nå"])
def test_records_are_found_by_their_stage_whatever_its_letters(
    session: Transaction, stage: str
) -> None:
    lead = record(contact(2), lifecyclestage="lead", hs_lead_status="NEW")
    archived = record(contact(3), lifecyclestage=stage, archived=True)
    blank = record(contact(4), lifecyclestage="")
    mirror.put(
        session,
        [record(contact(1), lifecyclestage=stage, email="a@b.example"), lead, archived, blank],
        due_at=NOON,
    )
    mirror.put(
        in_portal(session, OTHER_PORTAL), [record(contact(9), lifecyclestage=stage)], due_at=NOON
    )
    assert mirror_queries.read_in_stages(session, CONTACTS, [stage]) == (contact(1),)
    assert mirror_queries.read_in_stages(session, CONTACTS, [stage], after_id="1") == ()
    assert mirror_queries.read_in_stages(session, CONTACTS, []) == ()


def test_records_with_a_deal_are_found_in_any_stage(session: Transaction) -> None:
    contacts = [record(contact(number), lifecyclestage="lead") for number in (1, 2)]
    mirror.put(session, contacts, due_at=NOON)
    associations.replace_all(session, {deal(7): [link(deal(7), contact(2))]}, CONTACTS)
    read_with_deals = partial(mirror_queries.read_in_stages, or_with_deals=True)
    assert read_with_deals(session, CONTACTS, ["customer"]) == (contact(2),)
    assert read_with_deals(session, ObjectType.COMPANIES, ["customer"]) == ()
