"""What the strikes promise: twice is enough, and only for the same correction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector.core.model import Correction, Outcome
from connector.core.moves import key
from state import strikes
from state.strikes import Strike
from tests.state.nouns import OTHER_PORTAL, PORTAL, at, contact, correction

FIGHT = correction(contact(1))


def test_a_correction_is_quarantined_the_second_time(session: Session) -> None:
    assert _strike(session, FIGHT) == 1
    assert strikes.quarantined(session, PORTAL, [FIGHT]) == frozenset()
    assert _strike(session, FIGHT) == 2
    assert strikes.quarantined(session, PORTAL, [FIGHT]) == {key(FIGHT)}
    assert strikes.quarantined(session, OTHER_PORTAL, [FIGHT]) == frozenset()


def test_other_evidence_makes_another_correction(session: Session) -> None:
    for _ in range(2):
        _strike(session, FIGHT)
    news = correction(contact(1), evidence=("deals/10 is open since 2026-05-01",))
    assert strikes.quarantined(session, PORTAL, [news, correction(contact(2))]) == frozenset()


def test_what_is_quarantined_is_listed_with_its_last_note(session: Session) -> None:
    late = correction(contact(2))
    for minutes, note in ((0, "ignored"), (1, "reverted by workflow 7")):
        _strike(session, FIGHT, note=note, minutes=minutes)
        _strike(session, late, note=note, minutes=minutes + 5)
    _strike(session, correction(contact(3)))
    assert strikes.listed(session, PORTAL) == tuple(
        Strike(
            record=one.record,
            property_name=one.property_name,
            key=key(one),
            times=2,
            outcome=Outcome.REVERTED,
            note="reverted by workflow 7",
            at=at(minutes),
        )
        for one, minutes in ((late, 6), (FIGHT, 1))
    )


def test_a_cleared_record_is_tried_again(session: Session) -> None:
    for _ in range(2):
        _strike(session, FIGHT)
        _strike(session, correction(contact(2)))
    strikes.clear(session, PORTAL, contact(1))
    quarantined = strikes.quarantined(session, PORTAL, [FIGHT, correction(contact(2))])
    assert quarantined == {key(correction(contact(2)))}


def _strike(session: Session, one: Correction, *, note: str = "reverted", minutes: int = 0) -> int:
    return strikes.strike(session, PORTAL, one, outcome=Outcome.REVERTED, note=note, at=at(minutes))
