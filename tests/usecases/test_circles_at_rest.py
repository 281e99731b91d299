"""Whatever a circle looks like, and whoever is held in it: one sync, and all is at rest."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.core.holds import Hold, Scope
from connector.core.model import Ref
from connector.sync import sync
from state import holds, mirror
from tests.usecases.office import DAY, LOST, OPEN, SQL, START, WON, Office

BOTH = "extends: company-sync\nsettings: {company_sync: {native: off, contacts_to: %s}}"
STAGES = st.sampled_from(("", "subscriber", "lead", SQL, "opportunity", "customer", "other"))
DEALS = st.sampled_from(("", OPEN, WON, LOST))
HELD = st.sampled_from(("", "", "by a person", "by the operator"))
FIRM = st.tuples(STAGES, DEALS, HELD)
PERSON = st.tuples(STAGES, DEALS, HELD)


def _record(office: Office, firm: Ref | None, given_: tuple[str, str, str]) -> Ref:
    """Create a company, or a contact of one, with its deal and its hold."""
    stage, deal, held = given_
    # Who sets what is there already sets nothing: a person's word follows another one.
    first = "evangelist" if held == "by a person" else stage
    one = office.contact(first, associatedcompanyid=firm.id) if firm else office.company(first)
    if deal:
        office.deal(deal, one)
    office.door.advance(DAY)
    if held == "by a person":
        office.person_sets(one, lifecyclestage=stage or "lead")
    if held == "by the operator":
        hold = Hold(
            scope=Scope.RECORD, of=str(one), property_name="", reason="x", by="y", since=START
        )
        with office.store.begin() as session:
            holds.add(session, "1", [hold])
    return one


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(FIRM, st.lists(PERSON, min_size=1, max_size=3), st.sampled_from(("opportunity", "customer")))
def test_after_one_sync_nothing_is_left_to_correct_though_all_are_looked_at_again(
    open_office: Callable[..., Office],
    firm: tuple[str, str, str],
    people: list[tuple[str, str, str]],
    cap: str,
) -> None:
    office = open_office()
    company = _record(office, None, firm)
    everybody = [company, *(_record(office, company, one) for one in people)]
    before = {one: office.stage(one) for one in everybody}
    office.door.advance(3600)
    sync(office.desk(BOTH % cap))
    with office.store.begin() as session:
        mirror.mark_all_due(session, "1", at=START)
    assert office.propose(office.desk(BOTH % cap)).summary["corrections"] == 0
    for one, (_, _, held) in zip(everybody, (firm, *people), strict=True):
        assert not held or office.stage(one) == before[one]
