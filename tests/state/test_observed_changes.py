"""What others changed is noted by every reading that the mirror follows, once, and never ours."""

from __future__ import annotations

from connector.core.history.observed_change import ObservedChange
from connector.core.model import STAGE, STATUS, Ref
from state import cascade, mirror, observed_changes, outbox
from state.db.transaction import Transaction
from tests.fakes.moves import backward_correction, move_of
from tests.state.examples import NOON, at, contact, deal, record

ANNA, DEAL = contact(1), deal(9)


def put(session: Transaction, ref: Ref, *, modified: int = 0, **properties: str | None) -> None:
    mirror.put(session, [record(ref, modified=modified, **properties)], due_at=at(modified))


def taken(session: Transaction) -> list[tuple[str, str, str, str]]:
    return [
        (str(change.record), change.property_name, change.before, change.after)
        for change in take(session)
    ]


def take(session: Transaction, *, limit: int = 100) -> list[ObservedChange]:
    page = observed_changes.read_after(session, 0, limit=limit)
    observed_changes.remove(session, [place for place, _ in page])
    return [change for _, change in page]


def test_a_change_of_stage_status_and_deal_stage_is_noted_once_in_order(
    session: Transaction,
) -> None:
    put(session, ANNA, lifecyclestage="lead", hs_lead_status=None, email="a@fjord.example")
    put(session, DEAL, dealstage="open")
    take(session)
    put(session, ANNA, modified=1, lifecyclestage="salesqualifiedlead", hs_lead_status="NEW")
    put(session, DEAL, modified=2, dealstage="won")
    put(session, ANNA, modified=3, lifecyclestage="salesqualifiedlead", hs_lead_status="NEW")
    assert take(session, limit=1)[0].at == at(1)
    assert taken(session) == [
        ("contacts/1", STATUS, "", "NEW"),
        ("deals/9", "dealstage", "open", "won"),
    ]
    assert taken(session) == []


def test_what_we_wrote_is_none_of_others(session: Transaction) -> None:
    put(session, ANNA, lifecyclestage="lead", hs_lead_status="NEW")
    read_back = record(ANNA, modified=1, lifecyclestage="customer", hs_lead_status="OPEN")
    mirror.patch(session, [read_back], due_at=at(1), ours={(ANNA, STAGE)})
    assert taken(session) == [("contacts/1", STATUS, "NEW", "OPEN")]


def test_an_older_version_a_new_property_and_a_record_with_an_open_move_are_no_changes(
    session: Transaction,
) -> None:
    put(session, ANNA, modified=5, lifecyclestage="lead")
    put(session, ANNA, modified=4, lifecyclestage="customer")
    put(session, ANNA, modified=6, lifecyclestage="lead", hs_lead_status="NEW")
    assert taken(session) == []
    outbox.promise(session, [move_of(backward_correction(ANNA), at=NOON)])
    put(session, ANNA, modified=7, lifecyclestage="", hs_lead_status="NEW")
    assert taken(session) == []


def test_a_deal_that_was_created_today_is_new_and_an_older_one_is_not(
    session: Transaction,
) -> None:
    young, old = record(DEAL, dealstage="open"), record(deal(8), dealstage="open")
    mirror.put(session, [young], due_at=at(0))  # created a thousand minutes ago
    mirror.put(session, [old], due_at=at(1000))
    assert taken(session) == [("deals/9", "dealstage", "", "open")]


def test_an_erased_record_leaves_nothing_and_old_changes_are_pruned(session: Transaction) -> None:
    changes = [
        ObservedChange(record=ref, property_name=STAGE, before="a", after="b", at=at(minutes))
        for ref, minutes in ((ANNA, 0), (contact(2), 0), (contact(3), 9))
    ]
    observed_changes.add(session, changes)
    cascade.erase(session, [ANNA], at=NOON)
    observed_changes.prune(session, before=at(5))
    assert [row[0] for row in taken(session)] == ["contacts/3"]


def test_a_change_that_is_not_removed_stays_at_its_place(session: Transaction) -> None:
    changes = [
        ObservedChange(record=contact(number), property_name=STAGE, before="a", after="b", at=NOON)
        for number in (1, 2, 3)
    ]
    observed_changes.add(session, changes)
    first, second, third = observed_changes.read_after(session, 0, limit=100)
    observed_changes.remove(session, [first[0], third[0]])
    assert observed_changes.read_after(session, 0, limit=100) == [second]
    assert observed_changes.read_after(session, second[0], limit=100) == []
