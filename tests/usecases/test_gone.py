"""Archived, restored, merged, deleted for good: the mirror and its memory follow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.audit import AuditLine, Intact
from connector.core.model import STAGE, Correction, Direction, Outcome, Ref, Version
from connector.core.moves import Move, Phase
from connector.gone import settle_gone
from connector.pull import pull
from connector.recover import recover
from connector.rolling import roll_round
from connector.sync import sync
from state import audit, ledger, mirror, outbox
from tests.usecases.office import CONTACTS, DEALS, LOST, OPEN, START, WON, Office


def correction(ref: Ref, before: str = "customer", after: str = "opportunity") -> Correction:
    return Correction(
        record=ref,
        property_name=STAGE,
        before=before,
        after=after,
        direction=Direction.BACKWARD,
        rule="reopened",
        reason="no deal is won any more",
    )


def move(ref: Ref, phase: Phase = Phase.PROMISED) -> Move:
    return Move(
        record=ref,
        corrections=(correction(ref),),
        run="r",
        plan="p",
        policy="standard",
        promised_at=START,
        phase=phase,
    )


def line(ref: Ref) -> AuditLine:
    return AuditLine(
        at=START,
        run="r",
        record=ref,
        property_name=STAGE,
        before="lead",
        after="customer",
        rule="won",
        policy="standard",
        outcome=Outcome.APPLIED,
        correlation_id="",
    )


def write(office: Office, *lines: AuditLine) -> None:
    with office.store.begin() as session:
        audit.append(session, "1", lines)


def audited(office: Office, ref: Ref) -> list[tuple[str, str, bool]]:
    with office.store.reading() as session:
        found = list(audit.read(session, "1", record=ref))
        assert isinstance(audit.verify(session, "1"), Intact)
    return [(str(one.record), one.after, one.redacted) for one in found]


def test_an_archived_record_leaves_every_decision_and_comes_back_when_restored(
    office: Office,
) -> None:
    person = office.contact("lead")
    office.read_all()
    office.door.archive(person)
    roll_round(office.desk())
    assert office.mirrored(person) is None

    office.door.restore(person)
    roll_round(office.desk())

    assert office.mirrored(person) is not None
    assert office.due() == (person,)


def test_whoever_was_linked_with_an_archived_deal_is_due(office: Office) -> None:
    person, company = office.contact("customer"), office.company("customer")
    deal = office.deal(WON, person, company)
    office.read_all()
    office.door.archive(deal)

    roll_round(office.desk())

    assert (office.due(), office.due(DEALS)) == ((person,), ())


def test_a_merge_is_known_from_the_survivor_without_another_request(office: Office) -> None:
    kept, gone = office.contact("lead"), office.contact("lead")
    deal = office.deal(OPEN, gone)
    office.read_all()
    write(office, line(gone))
    with office.store.begin() as session:
        seen = Version(value="lead", at=START, source_type="CRM_UI")
        ledger.observe(session, "1", gone, STAGE, [seen])
    office.door.advance(3600)
    office.door.dissociate(deal, gone)
    office.link(deal, kept)
    office.door.merge(kept, gone)

    pull(office.desk())

    assert office.requests() == {"changed": 3, "associations": 1}
    assert office.mirrored(gone) is None
    assert office.due() == (kept,)
    assert audited(office, kept) == audited(office, gone) == [(str(gone), "customer", False)]
    with office.store.reading() as session:
        assert ledger.versions(session, "1", [kept], STAGE)[kept] == (seen,)
        assert ledger.versions(session, "1", [gone], STAGE)[gone] == ()


def test_a_survivor_of_a_survivor_is_found_by_the_first_id(office: Office) -> None:
    one, two, three = (office.contact("lead") for _ in range(3))
    office.read_all()
    write(office, line(one), line(two))
    office.door.merge(two, one)
    office.door.advance(3600)
    pull(office.desk())
    office.door.merge(three, two)
    office.door.advance(3600)
    pull(office.desk())
    assert [each[0] for each in audited(office, one)] == [str(one), str(two)]
    assert audited(office, one) == audited(office, three)


def test_a_row_of_a_merged_id_that_the_search_still_shows_is_left_out(office: Office) -> None:
    kept, gone = office.contact("lead"), office.contact("lead")
    office.read_all()
    old = office.door._records[gone]
    office.door.advance(3600)
    office.door.merge(kept, gone)
    pull(office.desk())
    office.door.advance(60)
    office.door.put(gone, {"email": "late@fjord.example"})
    assert office.door._records[gone] != old

    pull(office.desk())

    assert office.mirrored(gone) is None


@pytest.mark.parametrize("phase", [Phase.PROMISED, Phase.CLEARED])
def test_an_open_move_of_a_merged_record_is_finished_on_the_survivor(
    office: Office, phase: Phase
) -> None:
    kept, gone = office.contact("customer"), office.contact("customer")
    office.deal(OPEN, kept)
    office.read_all()
    with office.store.begin() as session:
        outbox.promise(session, "1", [move(gone)])
        outbox.advance(session, "1", [gone], phase)
    office.door.merge(kept, gone)
    if phase is Phase.CLEARED:
        office.edit(kept, lifecyclestage="")

    recover(office.desk())

    assert office.open_moves() == ()
    assert office.stage(kept) == ("opportunity" if phase is Phase.CLEARED else "customer")
    assert [each[0] for each in office.outcomes()] == [str(kept)] * (phase is Phase.CLEARED)


def test_two_open_moves_become_one_when_their_records_are_merged(office: Office) -> None:
    kept, gone = office.contact("customer"), office.contact("customer")
    office.read_all()
    with office.store.begin() as session:
        outbox.promise(session, "1", [move(gone), move(kept)])
    office.door.merge(kept, gone)
    recover(office.desk())
    assert office.open_moves() == ()


def test_a_record_merged_between_decision_and_write_is_carried_over_at_once(
    office: Office,
) -> None:
    kept, gone = office.contact("opportunity", "OPEN_DEAL"), office.contact("lead")
    deal = office.deal(OPEN, gone, kept)
    office.read_all()
    office.forget_due()
    with office.store.begin() as session:
        mirror.mark_due(session, "1", [gone], at=START)
    assert deal

    def merge() -> None:
        office.door.merge(kept, gone)

    office.door.before("read", 2, merge)
    sync(office.desk())

    assert office.mirrored(gone) is None
    assert {one[2] for one in office.outcomes()} == {"stale"}
    assert audited(office, kept) == audited(office, gone) != []


def test_a_deletion_for_privacy_wipes_the_mirror_and_redacts_the_audit(office: Office) -> None:
    person, other = office.contact("lead"), office.contact("lead")
    office.deal(LOST, person)
    office.read_all()
    write(office, line(person), line(other))
    with office.store.begin() as session:
        ledger.observe(
            session, "1", person, STAGE, [Version(value="lead", at=START, source_type="CRM_UI")]
        )
    office.door.delete(person)

    roll_round(office.desk())

    assert office.mirrored(person) is None
    assert audited(office, person) == [(str(person), "", True)]
    assert audited(office, other) == [(str(other), "customer", False)]
    with office.store.reading() as session:
        assert mirror.get(session, "1", [person]) == {}
        assert ledger.versions(session, "1", [person], STAGE)[person] == ()


def test_a_privacy_deletion_out_of_the_recycling_bin_is_found_as_well(office: Office) -> None:
    person = office.contact("lead")
    office.read_all()
    write(office, line(person))
    office.door.archive(person)
    roll_round(office.desk())
    assert audited(office, person)[0][2] is False
    office.door.delete(person)
    roll_round(office.desk())
    assert audited(office, person)[0][2] is True


def test_what_lay_in_the_bin_for_ninety_days_is_not_asked_for_any_more(office: Office) -> None:
    person = office.contact("lead")
    office.read_all()
    office.door.archive(person)
    roll_round(office.desk())
    office.door.advance(timedelta(days=91).total_seconds())
    office.requests()
    roll_round(office.desk())
    assert office.requests() == {"page": 3}


def test_a_merged_id_that_only_a_single_read_follows_is_followed(office: Office) -> None:
    kept, gone = office.contact("lead"), office.contact("lead")
    office.read_all()
    office.door.merge(kept, gone)
    office.door.follows_merges = False

    told = settle_gone(office.desk(), [gone])

    assert (told.merged, told.deleted) == ({gone: kept}, frozenset())
    assert office.due(CONTACTS) == (kept,)
