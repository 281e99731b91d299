"""Associations have one row for each pair, and read the same from both ends."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from connector.core.model import Association, ObjectType, Ref
from state import associations
from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, PORTAL, company, contact, deal, in_portal, link

DEALS, CONTACTS, COMPANIES = ObjectType.DEALS, ObjectType.CONTACTS, ObjectType.COMPANIES

Links = dict[Ref, tuple[Association, ...]]


def _links(owner: int, targets: dict[int, tuple[bool, frozenset[str]]]) -> tuple[Association, ...]:
    return tuple(
        link(deal(owner), contact(contact_id), *labels, is_primary=primary)
        for contact_id, (primary, labels) in sorted(targets.items())
    )


def _replace(
    session: Transaction, owner: Ref, to: ObjectType, links: Sequence[Association]
) -> frozenset[Ref]:
    """Replace the links of one owner; return the records at the far ends of what changed."""
    changed = associations.replace_all(session, {owner: links}, to)
    return frozenset(linked for _, linked in changed)


link_details = st.tuples(
    st.booleans(), st.frozensets(st.sampled_from(["Buyer", "Käufer", "Rådgiver"]))
)
link_sets = st.dictionaries(
    st.integers(1, 12), st.dictionaries(st.integers(1, 120), link_details, max_size=6), max_size=6
).map(
    lambda links_by_deal: {
        deal(owner): _links(owner, targets) for owner, targets in links_by_deal.items()
    }
)


@given(first=link_sets, second=link_sets)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_was_told_last_is_what_is_linked(store: Store, first: Links, second: Links) -> None:
    with store.begin(PORTAL) as session:
        session.execute(text("DELETE FROM associations"))
        associations.replace_all(session, first, CONTACTS)
        associations.replace_all(session, second, CONTACTS)
        changed_again = associations.replace_all(session, second, CONTACTS)
        linked = associations.read(session, {**first, **second}, CONTACTS)
    assert changed_again == frozenset()
    assert linked == {**first, **second}


def test_a_link_is_seen_from_the_other_side(session: Transaction) -> None:
    buyer_link = link(deal(1), contact(2), "Buyer")
    _replace(session, deal(1), CONTACTS, [buyer_link])
    assert associations.read_to_deals(session, [contact(2), contact(3)]) == {
        contact(2): (link(contact(2), deal(1), "Buyer"),),
        contact(3): (),
    }


def test_both_sides_tell_the_same_row(session: Transaction) -> None:
    _replace(session, deal(1), CONTACTS, [link(deal(1), contact(2))])
    from_contact = [link(contact(2), deal(1))]
    assert _replace(session, contact(2), DEALS, from_contact) == frozenset()
    assert _replace(session, contact(2), DEALS, []) == {deal(1)}
    assert associations.read_of_deals(session, [deal(1)]) == {deal(1): ()}


def test_the_other_ends_whose_link_changed_are_named(session: Transaction) -> None:
    before = [link(deal(1), company(n), is_primary=n == 2) for n in (1, 2, 3)]
    _replace(session, deal(1), COMPANIES, before)
    after = [link(deal(1), company(n), is_primary=n == 3) for n in (2, 3, 4)]
    changed_ends = _replace(session, deal(1), COMPANIES, [*after])
    assert changed_ends == {company(1), company(2), company(3), company(4)}


def test_a_link_that_stays_is_not_named(session: Transaction) -> None:
    before = [link(deal(1), contact(2), "Buyer")]
    _replace(session, deal(1), CONTACTS, before)
    after = [*before, link(deal(1), contact(3))]
    assert _replace(session, deal(1), CONTACTS, after) == {contact(3)}


def test_another_label_is_a_change(session: Transaction) -> None:
    before = [link(deal(1), contact(2), "Buyer")]
    _replace(session, deal(1), CONTACTS, before)
    after = [link(deal(1), contact(2), "Adviser")]
    assert _replace(session, deal(1), CONTACTS, after) == {contact(2)}


def test_replacing_links_to_one_type_leaves_the_other(session: Transaction) -> None:
    contacts, companies = link(deal(1), contact(2)), link(deal(1), company(3), is_primary=True)
    _replace(session, deal(1), CONTACTS, [contacts])
    _replace(session, deal(1), COMPANIES, [companies])
    _replace(session, deal(1), CONTACTS, [])
    assert associations.read_of_deals(session, [deal(1)]) == {deal(1): (companies,)}


def test_a_company_and_its_contacts_are_linked_by_themselves(session: Transaction) -> None:
    primary_link = link(contact(2), company(2), is_primary=True)
    _replace(session, contact(2), COMPANIES, [primary_link])
    assert associations.read(session, [company(2)], CONTACTS) == {
        company(2): (link(company(2), contact(2), is_primary=True),)
    }


def test_links_come_in_the_order_of_the_ids(session: Transaction) -> None:
    links = [link(deal(1), contact(n)) for n in (100, 9, 10)]
    _replace(session, deal(1), CONTACTS, links)
    linked = associations.read_of_deals(session, [deal(1)])[deal(1)]
    assert [association.target.id for association in linked] == ["9", "10", "100"]


def test_a_portal_never_sees_the_links_of_another(session: Transaction) -> None:
    _replace(session, deal(1), CONTACTS, [link(deal(1), contact(2))])
    assert associations.read_of_deals(in_portal(session, OTHER_PORTAL), [deal(1)]) == {deal(1): ()}
    _replace(in_portal(session, OTHER_PORTAL), deal(1), CONTACTS, [])
    assert associations.read_of_deals(session, [deal(1)])[deal(1)] != ()
