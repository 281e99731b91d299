"""What is remembered of a record shares its fate: merged, archived, deleted for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from connector.core.holds import Hold, Origin, Scope
from connector.core.model import Correction, Outcome, Ref
from connector.core.moves import key
from state import associations, fates, holds, mirror, strikes, writings
from tests.state.nouns import (
    NOON,
    PORTAL,
    at,
    company,
    contact,
    correction,
    deal,
    link,
    record,
)

OLD, KEPT, THIRD = contact(1), contact(2), contact(3)


def hold(of: Ref, *, until: int | None = None, scope: Scope = Scope.RECORD) -> Hold:
    return Hold(
        scope=scope,
        of=str(of),
        property_name="",
        reason="pilot",
        by="operator",
        since=NOON,
        until=None if until is None else at(until),
        origin=Origin.OPERATOR,
    )


def held(session: Session) -> dict[str, object]:
    return {one.of: one.until for one in holds.listed(session, PORTAL, now=NOON)}


def strike(session: Session, one: Correction) -> int:
    return strikes.strike(session, PORTAL, one, outcome=Outcome.IGNORED, note="n", at=NOON)


def merge(session: Session, old: Ref = OLD, kept: Ref = KEPT) -> None:
    fates.succeed(session, PORTAL, {old: kept}, at=NOON)


def test_a_hold_goes_over_to_the_survivor(session: Session) -> None:
    holds.add(session, PORTAL, [hold(OLD, until=60), hold(THIRD)])
    merge(session)
    assert held(session) == {str(KEPT): at(60), str(THIRD): None}


def test_a_hold_of_a_companys_contacts_goes_over_as_well(session: Session) -> None:
    holds.add(session, PORTAL, [hold(company(1), scope=Scope.COMPANY)])
    merge(session, company(1), company(2))
    assert held(session) == {str(company(2)): None}


@pytest.mark.parametrize(
    ("old", "kept", "stays"),
    [(60, 30, 60), (30, 60, 60), (None, 60, None), (60, None, None)],
)
def test_of_two_holds_the_longer_one_stays(
    session: Session, old: int | None, kept: int | None, stays: int | None
) -> None:
    holds.add(session, PORTAL, [hold(OLD, until=old), hold(KEPT, until=kept)])
    merge(session)
    assert held(session) == {str(KEPT): None if stays is None else at(stays)}


def test_what_is_quarantined_stays_so_on_the_survivor(session: Session) -> None:
    for _ in range(2):
        strike(session, correction(OLD))
    merge(session)
    asked = [correction(OLD), correction(KEPT), correction(THIRD)]
    assert strikes.quarantined(session, PORTAL, asked) == {key(correction(KEPT))}
    assert [one.key for one in strikes.listed(session, PORTAL)] == [key(correction(KEPT))]


def test_the_strikes_of_both_records_are_added_up(session: Session) -> None:
    strike(session, correction(OLD))
    strike(session, correction(KEPT))
    merge(session)
    assert strike(session, correction(KEPT)) == 3


def test_what_held_is_known_of_the_survivor(session: Session) -> None:
    writings.note(session, PORTAL, [correction(OLD)], at=NOON)
    merge(session)
    asked = [correction(OLD), correction(KEPT)]
    assert writings.undone(session, PORTAL, asked) == {key(correction(KEPT)): NOON}
    assert writings.undone(session, PORTAL, [correction(KEPT, after="lead")]) == {}


def test_what_the_survivor_itself_held_counts_more(session: Session) -> None:
    other = correction(KEPT, after="lead")
    writings.note(session, PORTAL, [correction(OLD), other], at=NOON)
    merge(session)
    asked = [other, correction(KEPT)]
    assert writings.undone(session, PORTAL, asked) == {key(other): NOON}


def test_a_merge_is_carried_out_once(session: Session) -> None:
    merge(session)
    holds.add(session, PORTAL, [hold(OLD)])
    merge(session)
    assert held(session) == {str(OLD): None}


def test_whoever_was_linked_with_a_merged_or_archived_record_is_due(session: Session) -> None:
    one, other, gone = deal(7), deal(8), company(9)
    told = [record(ref) for ref in (OLD, KEPT, one, other, gone)]
    mirror.put(session, PORTAL, told, due_at=at(0))
    associations.replace(session, PORTAL, one, OLD.object_type, [link(one, OLD)])
    associations.replace(session, PORTAL, other, KEPT.object_type, [link(other, KEPT)])
    mirror.set_due(session, PORTAL, dict.fromkeys([OLD, KEPT, one, other, gone]))

    fates.bury(session, PORTAL, [other, gone], at=NOON + timedelta(minutes=1))
    assert mirror.due(session, PORTAL, KEPT.object_type, until=at(9)) == (KEPT,)

    merge(session, OLD, THIRD)
    assert mirror.due(session, PORTAL, one.object_type, until=at(9)) == (one,)
