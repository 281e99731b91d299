"""A write that is ignored, or that another writer reverts, is found and not fought."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, ObjectType, Outcome, Ref
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    OPEN,
    SQL,
    ConnectedPortal,
)
from tests.push.pushed_records import (
    create_reopened_customer,
    create_won_lead,
    quarantine_notes,
    run,
)


def sent_stages(portal: ConnectedPortal, ref: Ref) -> list[str]:
    """Return which stages were sent for a record, in their order."""
    return [batch[ref][STAGE] for batch in portal.api.sent_updates if STAGE in batch.get(ref, {})]


# What is answered with 200, and not stored


def test_an_ignored_write_is_known_only_after_both_rechecks(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.ignores_write = lambda ref, _name, _value: ref == contact
    result = run(portal)
    assert result.outcomes == {Outcome.IGNORED: 1}
    assert portal.waits == [2.0, 30.0]
    assert len(portal.api.sent_updates) == 1


def test_a_late_reading_is_not_taken_for_an_ignored_write(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.ignores_write = lambda _ref, _name, _value: True
    # The write shows only at the second reading after it.
    portal.api.before("read", 5, lambda: portal.edit(contact, **{STAGE: "customer"}))
    result = run(portal)
    assert result.outcomes == {Outcome.APPLIED: 1}
    assert portal.waits == [2.0]


def test_when_the_stage_was_ignored_the_lead_status_is_decided_again(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact(SQL)
    portal.deal(OPEN, contact)
    portal.api.ignores_write = lambda _ref, name, _value: name == STAGE
    run(portal)
    assert portal.stage(contact) == SQL
    assert portal.outcomes() == [
        (str(contact), "opportunity", "ignored"),
        (str(contact), "OPEN_DEAL", "applied"),
    ]


def test_an_ignored_set_after_the_clear_is_sent_again_and_then_the_old_stage_put_back(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.ignores_write = lambda _ref, _name, value: value == "opportunity"
    result = run(portal)
    assert portal.stage(contact) == "customer"
    assert result.outcomes[Outcome.RESTORED] == 1
    assert portal.open_moves() == ()


def test_a_blank_after_the_set_is_filled_at_once(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    ignored: list[str] = []

    def ignore_first(_ref: Ref, _name: str, value: str) -> bool:
        if value == "opportunity" and not ignored:
            ignored.append(value)
            return True
        return False

    portal.api.ignores_write = ignore_first
    result = run(portal)
    assert portal.stage(contact) == "opportunity"
    assert result.outcomes == {Outcome.APPLIED: 2}
    assert portal.waits == []


def test_an_ignored_correction_is_not_sent_for_ever(portal: ConnectedPortal) -> None:
    contact = create_won_lead(portal)
    portal.api.ignores_write = lambda ref, _name, _value: ref == contact
    for _ in range(4):
        run(portal)
    assert len(portal.api.sent_updates) == 2
    assert [note[0] for note in quarantine_notes(portal)] == [str(contact)]


# Other writers


def test_what_another_writer_set_right_after_is_reverted_and_not_fought(
    portal: ConnectedPortal,
) -> None:
    contact = create_won_lead(portal)
    for number in (1, 2, 3):
        portal.api.after("update", number, lambda: portal.edit(contact, **{STAGE: SQL}))
    result = run(portal)
    assert result.outcomes[Outcome.REVERTED] == 1
    assert (str(contact), "customer", "reverted") in portal.outcomes()


def test_an_automation_that_fills_the_gap_once_is_overcome_by_the_next_round(
    portal: ConnectedPortal,
) -> None:
    contact = create_reopened_customer(portal)
    portal.api.after("update", 1, lambda: portal.edit(contact, **{STAGE: "customer"}))
    run(portal)
    run(portal)
    assert portal.stage(contact) == "opportunity"
    assert [outcome for _, after, outcome in portal.outcomes() if after == "opportunity"] == [
        "ignored",
        "applied",
    ]


@pytest.mark.parametrize("kind", [CONTACTS, COMPANIES])
def test_a_gap_that_an_automation_fills_with_a_third_stage_is_won_back_once(
    portal: ConnectedPortal, kind: ObjectType
) -> None:
    ref = create_reopened_customer(portal, kind)
    portal.api.after("update", 1, lambda: portal.edit_as_workflow(ref, **{STAGE: "evangelist"}))
    result = run(portal)
    assert portal.stage(ref) == "opportunity"
    assert set(result.outcomes) == {Outcome.APPLIED}
    assert sent_stages(portal, ref) == ["", "opportunity"] * 2


def test_an_automation_that_fills_every_gap_is_not_fought_for_ever(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)

    def fill() -> None:
        portal.edit_as_workflow(contact, **{STAGE: "evangelist"})

    for number in (1, 3, 5, 7):
        portal.api.after("update", number, fill)
    result = run(portal)
    assert result.outcomes[Outcome.REVERTED] == 1
    assert portal.stage(contact) == "evangelist"
    assert sent_stages(portal, contact) == ["", "opportunity"] * 2
    assert portal.open_moves() == ()


def test_a_person_who_fills_the_gap_is_not_fought(portal: ConnectedPortal) -> None:
    contact = create_reopened_customer(portal)
    portal.api.after("update", 1, lambda: portal.edit_as_person(contact, **{STAGE: "evangelist"}))
    result = run(portal)
    assert portal.stage(contact) == "evangelist"
    assert result.outcomes[Outcome.REVERTED] == 1
    assert sent_stages(portal, contact) == ["", "opportunity"]
