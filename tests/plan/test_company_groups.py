"""Whatever a company group looks like, and whoever is held in it, one sync is enough."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.core.corrections.holds import Hold, HoldScope
from connector.core.model import Ref
from connector.operations.sync import sync
from state import due_times, holds
from tests.fakes.connected_portal import DAY, LOST, OPEN, SQL, START, WON, ConnectedPortal

COMPANY_SYNC = "extends: company-sync\nsettings: {company_sync: {native: off, contacts_to: %s}}"
STAGES = st.sampled_from(("", "subscriber", "lead", SQL, "opportunity", "customer", "other"))
DEAL_STAGES = st.sampled_from(("", OPEN, WON, LOST))
HOLDERS = st.sampled_from(("", "", "by a person", "by the operator"))
COMPANY = st.tuples(STAGES, DEAL_STAGES, HOLDERS)
CONTACT = st.tuples(STAGES, DEAL_STAGES, HOLDERS)


def _create_record(
    portal: ConnectedPortal, company: Ref | None, situation: tuple[str, str, str]
) -> Ref:
    """Create a company, or a contact of one, with its deal and its hold."""
    stage, deal, held_by = situation
    # Who sets what is there already sets nothing: a person's word follows another one.
    first = "evangelist" if held_by == "by a person" else stage
    record = (
        portal.contact(first, associatedcompanyid=company.id) if company else portal.company(first)
    )
    if deal:
        portal.deal(deal, record)
    portal.api.advance(DAY)
    if held_by == "by a person":
        portal.edit_as_person(record, lifecyclestage=stage or "lead")
    if held_by == "by the operator":
        hold = Hold(
            scope=HoldScope.RECORD,
            target=str(record),
            property_name="",
            reason="x",
            by="y",
            since=START,
        )
        with portal.store.begin("1") as session:
            holds.add(session, [hold])
    return record


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    COMPANY, st.lists(CONTACT, min_size=1, max_size=3), st.sampled_from(("opportunity", "customer"))
)
def test_after_one_sync_nothing_is_left_to_correct_though_all_are_looked_at_again(
    open_portal: Callable[..., ConnectedPortal],
    company_situation: tuple[str, str, str],
    contact_situations: list[tuple[str, str, str]],
    contacts_to: str,
) -> None:
    portal = open_portal()
    company = _create_record(portal, None, company_situation)
    records = [
        company,
        *(_create_record(portal, company, situation) for situation in contact_situations),
    ]
    before = {record: portal.stage(record) for record in records}
    portal.api.advance(3600)
    sync(portal.context(COMPANY_SYNC % contacts_to))
    with portal.store.begin("1") as session:
        due_times.mark_all_due(session, at=START)
    assert portal.propose(portal.context(COMPANY_SYNC % contacts_to)).summary.corrections == 0
    for record, (_, _, held_by) in zip(
        records, (company_situation, *contact_situations), strict=True
    ):
        assert not held_by or portal.stage(record) == before[record]
