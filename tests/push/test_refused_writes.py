"""What HubSpot refuses harms no other record, and leaves none without a stage."""

from __future__ import annotations

from connector.core.model import STAGE, STATUS, Outcome
from connector.hubspot.api import Refusal, UpdateAnswer
from tests.fakes.connected_portal import (
    LOST,
    OPEN,
    SQL,
    WON,
    ConnectedPortal,
)
from tests.push.pushed_records import (
    create_reopened_customer,
    create_won_lead,
    quarantine_notes,
    refuse_values,
    run,
)


def test_a_refused_batch_is_halved_until_the_bad_record_is_alone(portal: ConnectedPortal) -> None:
    contacts = [portal.contact() for _ in range(8)]
    refuse_values(portal, (contacts[5], STAGE, "lead"))
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 7, Outcome.REFUSED: 1}
    assert portal.stage(contacts[5]) == ""
    assert all(portal.stage(contact) == "lead" for contact in contacts if contact != contacts[5])
    # 8 · 4 well · 4 · 2 · 1 · 1 refused: halving finds it in seven requests.
    assert [len(batch) for batch in portal.api.sent_updates] == [8, 4, 4, 2, 1, 1, 2]


def test_in_the_bad_record_only_the_bad_property_is_refused(portal: ConnectedPortal) -> None:
    contact = portal.contact(SQL, "CONNECTED")
    portal.deal(OPEN, contact)
    refuse_values(portal, (contact, STATUS, "OPEN_DEAL"))
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert portal.status(contact) == "CONNECTED"
    assert result.outcomes == {Outcome.APPLIED: 1, Outcome.REFUSED: 1}


def test_a_refused_correction_is_tried_once_more_and_then_quarantined(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    refuse_values(portal, (contact, STAGE, "customer"))
    for wanted in (1, 1, 0, 0):
        before = len(portal.api.sent_updates)
        run(portal)
        assert len(portal.api.sent_updates) - before == wanted
    ((record, note),) = quarantine_notes(portal)
    assert record == str(contact)
    assert "INVALID_OPTION" in note


def test_a_stage_refused_once_leaves_the_lead_status_and_refused_twice_decides_it_by_what_stays(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("customer", "CONNECTED")
    deal = portal.deal(WON, contact)
    portal.api.advance(1)
    portal.edit(deal, dealstage=LOST)
    refuse_values(portal, (contact, STAGE, ""))
    run(portal)
    assert (portal.stage(contact), portal.status(contact)) == ("customer", "CONNECTED")
    run(portal)
    assert (portal.stage(contact), portal.status(contact)) == ("customer", "")


def test_a_refused_clear_leaves_the_stage_and_is_known_as_refused(portal: ConnectedPortal) -> None:
    contact, other_contact = create_reopened_customer(portal), create_reopened_customer(portal)
    refuse_values(portal, (contact, STAGE, ""))
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert portal.stage(other_contact) == "opportunity"
    assert result.outcomes[Outcome.REFUSED] == 1
    assert (str(contact), "opportunity", "refused") in portal.outcomes()


def test_where_the_new_stage_is_refused_after_the_clear_the_old_one_is_put_back(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    refuse_values(portal, (contact, STAGE, "opportunity"))
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert (str(contact), "opportunity", "restored") in portal.outcomes()
    assert result.outcomes[Outcome.RESTORED] == 1
    assert portal.open_moves() == ()


def test_a_move_stays_open_where_even_the_old_stage_is_refused_and_the_next_start_ends_it(
    portal: ConnectedPortal,
) -> None:
    contact, other_contact = create_reopened_customer(portal), create_won_lead(portal)
    refuse_values(portal, (contact, STAGE, "opportunity"), (contact, STAGE, "customer"))
    result = run(portal)
    assert result.open_moves == (contact,)
    assert [move.record for move in portal.open_moves()] == [contact]
    assert portal.stage(other_contact) == "customer"

    portal.api.forbidden_values.clear()
    result = run(portal)

    assert result.recovered == 1
    assert portal.stage(contact) == "opportunity"
    assert portal.open_moves() == ()


def test_a_refusal_is_not_believed_where_the_stage_is_gone_all_the_same(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    answers: list[UpdateAnswer] = []

    def refuse_first(answer: UpdateAnswer) -> UpdateAnswer:
        answers.append(answer)
        if len(answers) > 1:
            return answer
        return UpdateAnswer(refused=dict.fromkeys(answer.updated, Refusal(message="no")))

    portal.api.change_answer = refuse_first
    run(portal)
    assert portal.stage(contact) == "opportunity"
