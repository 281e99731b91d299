"""A correction is quarantined after two failures, and no other one with it."""

from __future__ import annotations

from connector.core.corrections.moves import correction_key
from connector.core.model import Correction, Outcome
from state import quarantine
from state.db.transaction import Transaction
from state.quarantine import FailedCorrection
from tests.fakes.stored import quarantined_keys
from tests.state.examples import OTHER_PORTAL, at, contact, correction, in_portal

FAILING = correction(contact(1))


def test_a_correction_is_quarantined_the_second_time(session: Transaction) -> None:
    assert _note_failure(session, FAILING) == 1
    assert quarantined_keys(session, [FAILING]) == frozenset()
    assert _note_failure(session, FAILING) == 2
    assert quarantined_keys(session, [FAILING]) == {correction_key(FAILING)}
    assert quarantined_keys(in_portal(session, OTHER_PORTAL), [FAILING]) == frozenset()


def test_other_evidence_makes_another_correction(session: Transaction) -> None:
    for _ in range(2):
        _note_failure(session, FAILING)
    other_evidence = correction(contact(1), evidence=("deals/10 is open since 2026-05-01",))
    assert quarantined_keys(session, [other_evidence, correction(contact(2))]) == frozenset()


def test_what_is_quarantined_is_listed_with_its_last_note(session: Transaction) -> None:
    second_correction = correction(contact(2))
    for minutes, note in ((0, "ignored"), (1, "reverted by workflow 7")):
        _note_failure(session, FAILING, note=note, minutes=minutes)
        _note_failure(session, second_correction, note=note, minutes=minutes + 5)
    _note_failure(session, correction(contact(3)))
    assert quarantine.read_quarantined(session) == tuple(
        FailedCorrection(
            record=entry.record,
            property_name=entry.property_name,
            key=correction_key(entry),
            times=2,
            outcome=Outcome.REVERTED,
            note="reverted by workflow 7",
            at=at(minutes),
        )
        for entry, minutes in ((second_correction, 6), (FAILING, 1))
    )


def test_a_cleared_record_is_tried_again(session: Transaction) -> None:
    for _ in range(2):
        _note_failure(session, FAILING)
        _note_failure(session, correction(contact(2)))
    quarantine.forget_failures(session, contact(1))
    quarantined = quarantined_keys(session, [FAILING, correction(contact(2))])
    assert quarantined == {correction_key(correction(contact(2)))}


def _note_failure(
    session: Transaction, failed: Correction, *, note: str = "reverted", minutes: int = 0
) -> int:
    return quarantine.note_failure(
        session, failed, outcome=Outcome.REVERTED, note=note, at=at(minutes)
    )
