"""The rolling re-read: within a day the mirror knows what no poll could see."""

from __future__ import annotations

import pytest

from connector.core.model import Association, ObjectType, Ref
from connector.hubspot.door import Page
from connector.hubspot.faults import BadAnswer
from connector.pull import pull
from connector.rolling import roll_round
from state import associations
from tests.usecases.office import OPEN, Office


def a_day(office: Office, *, every: int = 3600) -> None:
    for _ in range(86_400 // every + 1):
        office.door.advance(every)
        pull(office.desk())


def links(office: Office, ref: Ref) -> list[Ref]:
    with office.store.reading() as session:
        found: tuple[Association, ...] = associations.deals_of(session, "1", [ref])[ref]
    return [one.target for one in found]


@pytest.mark.parametrize("every", [900, 3600, 86_400])
def test_a_link_that_moves_no_modification_date_is_known_within_a_day(
    office: Office, every: int
) -> None:
    old, new = office.contact("lead"), office.contact("lead")
    deal = office.deal(OPEN, old)
    office.read_all()
    office.door.dissociate(deal, old)
    office.link(deal, new)

    a_day(office, every=every)

    assert (links(office, old), links(office, new)) == ([], [deal])
    assert office.due() == (old, new)


def test_a_round_in_which_nothing_changed_makes_nobody_due(office: Office) -> None:
    office.deal(OPEN, office.contact("lead"))
    moved = office.contact("lead")
    deal = office.deal(OPEN, moved)
    office.read_all()
    assert office.due() == ()

    office.edit(deal, dealstage="closedwon")
    roll_round(office.desk())

    assert office.due() == (moved,)


def test_a_round_spreads_over_the_day_and_costs_a_request_a_page(office: Office) -> None:
    for _ in range(1950):
        office.contact("lead")
    office.read_all()
    pages = []
    for _ in range(24):
        office.door.advance(3600)
        pull(office.desk())
        pages.append(office.requests()["page"])
    assert sum(pages) in {21, 22}  # a page for each type's end, and 19 full ones
    assert max(pages) <= 2


def test_the_links_of_a_thousand_deals_are_read_together(office: Office) -> None:
    for _ in range(1000):
        office.deal(OPEN)
    office.read_all()
    roll_round(office.desk())
    assert office.requests() == {"page": 12, "associations": 2}


def test_a_record_that_the_mirror_lacks_is_found(office: Office) -> None:
    office.contact("lead")
    office.read_all()
    late = office.contact("lead")
    office.door.hidden.add(late)
    a_day(office)
    assert office.due() == (late,)


def test_a_stopped_round_goes_on_where_it_was(office: Office) -> None:
    for _ in range(2500):
        office.contact("lead")
    office.read_all()
    office.door.advance(86_400)
    office.door.before("page", 14, lambda: office.door.fail("page", BadAnswer("try later")))
    with pytest.raises(BadAnswer):
        pull(office.desk())
    office.requests()

    pull(office.desk())

    # Ten pages of contacts were stored; what was read beyond them is read again.
    assert office.requests()["page"] == 15


def test_a_list_in_no_order_makes_nobody_disappear(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [office.contact("lead") for _ in range(5)]
    office.read_all()
    ordered = type(office.door).page

    def shuffled(door: object, kind: ObjectType, *names: object, **more: object) -> Page:
        page = ordered(door, kind, *names, **more)  # type: ignore[arg-type]  # as it came
        return Page(records=page.records[::-1], after=page.after)

    monkeypatch.setattr(type(office.door), "page", shuffled)
    with pytest.raises(BadAnswer):
        roll_round(office.desk())
    assert all(office.mirrored(one) for one in people)
