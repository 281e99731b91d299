"""What the associations promise: one row for each pair, the same from both sides."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from connector.core.model import Association, ObjectType, Ref
from state import associations
from state.store import Store
from tests.state.nouns import OTHER_PORTAL, PORTAL, company, contact, deal, link

DEALS, CONTACTS, COMPANIES = ObjectType.DEALS, ObjectType.CONTACTS, ObjectType.COMPANIES

Links = dict[Ref, tuple[Association, ...]]


def _links(owner: int, told: dict[int, tuple[bool, frozenset[str]]]) -> tuple[Association, ...]:
    return tuple(
        link(deal(owner), contact(other), *labels, is_primary=primary)
        for other, (primary, labels) in sorted(told.items())
    )


ends = st.tuples(st.booleans(), st.frozensets(st.sampled_from(["Buyer", "Käufer", "Rådgiver"])))
told_links = st.dictionaries(
    st.integers(1, 12), st.dictionaries(st.integers(1, 120), ends, max_size=6), max_size=6
).map(lambda told: {deal(owner): _links(owner, others) for owner, others in told.items()})


@given(first=told_links, second=told_links)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_was_told_last_is_what_is_linked(store: Store, first: Links, second: Links) -> None:
    with store.begin() as session:
        session.execute(text("DELETE FROM associations"))
        associations.replace_all(session, PORTAL, first, CONTACTS)
        associations.replace_all(session, PORTAL, second, CONTACTS)
        again = associations.replace_all(session, PORTAL, second, CONTACTS)
        found = associations.linked(session, PORTAL, {**first, **second}, CONTACTS)
    assert again == frozenset()
    assert found == {**first, **second}


def test_a_link_is_seen_from_the_other_side(session: Session) -> None:
    told = link(deal(1), contact(2), "Buyer")
    associations.replace(session, PORTAL, deal(1), CONTACTS, [told])
    assert associations.deals_of(session, PORTAL, [contact(2), contact(3)]) == {
        contact(2): (link(contact(2), deal(1), "Buyer"),),
        contact(3): (),
    }


def test_both_sides_tell_the_same_row(session: Session) -> None:
    associations.replace(session, PORTAL, deal(1), CONTACTS, [link(deal(1), contact(2))])
    back = [link(contact(2), deal(1))]
    assert associations.replace(session, PORTAL, contact(2), DEALS, back) == frozenset()
    assert associations.replace(session, PORTAL, contact(2), DEALS, []) == {deal(1)}
    assert associations.of_deals(session, PORTAL, [deal(1)]) == {deal(1): ()}


def test_the_other_ends_whose_link_changed_are_named(session: Session) -> None:
    before = [link(deal(1), company(n), is_primary=n == 2) for n in (1, 2, 3)]
    associations.replace(session, PORTAL, deal(1), COMPANIES, before)
    after = [link(deal(1), company(n), is_primary=n == 3) for n in (2, 3, 4)]
    news = associations.replace(session, PORTAL, deal(1), COMPANIES, [*after])
    assert news == {company(1), company(2), company(3), company(4)}


def test_a_link_that_stays_is_not_named(session: Session) -> None:
    told = [link(deal(1), contact(2), "Buyer")]
    associations.replace(session, PORTAL, deal(1), CONTACTS, told)
    more = [*told, link(deal(1), contact(3))]
    assert associations.replace(session, PORTAL, deal(1), CONTACTS, more) == {contact(3)}


def test_another_label_is_news(session: Session) -> None:
    told = [link(deal(1), contact(2), "Buyer")]
    associations.replace(session, PORTAL, deal(1), CONTACTS, told)
    other = [link(deal(1), contact(2), "Adviser")]
    assert associations.replace(session, PORTAL, deal(1), CONTACTS, other) == {contact(2)}


def test_replacing_links_to_one_type_leaves_the_other(session: Session) -> None:
    contacts, companies = link(deal(1), contact(2)), link(deal(1), company(3), is_primary=True)
    associations.replace(session, PORTAL, deal(1), CONTACTS, [contacts])
    associations.replace(session, PORTAL, deal(1), COMPANIES, [companies])
    associations.replace(session, PORTAL, deal(1), CONTACTS, [])
    assert associations.of_deals(session, PORTAL, [deal(1)]) == {deal(1): (companies,)}


def test_a_company_and_its_contacts_are_linked_by_themselves(session: Session) -> None:
    told = link(contact(2), company(2), is_primary=True)
    associations.replace(session, PORTAL, contact(2), COMPANIES, [told])
    assert associations.linked(session, PORTAL, [company(2)], CONTACTS) == {
        company(2): (link(company(2), contact(2), is_primary=True),)
    }


def test_links_come_in_the_order_of_the_ids(session: Session) -> None:
    told = [link(deal(1), contact(n)) for n in (100, 9, 10)]
    associations.replace(session, PORTAL, deal(1), CONTACTS, told)
    found = associations.of_deals(session, PORTAL, [deal(1)])[deal(1)]
    assert [one.target.id for one in found] == ["9", "10", "100"]


def test_a_portal_never_sees_the_links_of_another(session: Session) -> None:
    associations.replace(session, PORTAL, deal(1), CONTACTS, [link(deal(1), contact(2))])
    assert associations.of_deals(session, OTHER_PORTAL, [deal(1)]) == {deal(1): ()}
    associations.replace(session, OTHER_PORTAL, deal(1), CONTACTS, [])
    assert associations.of_deals(session, PORTAL, [deal(1)])[deal(1)] != ()
