"""A mass change waits until the mirror is freshly proven to be complete."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.core.model import Outcome, Ref
from connector.errors import TemporaryError
from connector.hubspot.door import Page
from connector.proving import FRESH, verify_mirror
from connector.sync import MASS, apply
from tests.usecases.office import CONTACTS, Office

DAYS = FRESH + timedelta(hours=1)


def crowd(office: Office, number: int) -> list[Ref]:
    """Let so many contacts without a stage be mirrored, all of them due."""
    people = [office.contact() for _ in range(number)]
    office.read_all()
    office.wake(people)
    return people


def test_a_mass_change_on_a_mirror_that_was_just_read_is_sent_at_once(office: Office) -> None:
    crowd(office, MASS + 1)
    done = apply(office.desk(permitted=True))
    assert done.outcomes == {Outcome.APPLIED: MASS + 1}
    assert "changed" not in office.requests()


def test_a_mass_change_waits_for_a_proof_and_is_then_decided_anew(office: Office) -> None:
    crowd(office, MASS + 1)
    office.door.advance(DAYS.total_seconds())
    late = office.contact()  # an apply asks for no changes, so only the proof learns of it
    office.door.advance(DAYS.total_seconds())
    done = apply(office.desk(permitted=True))
    assert done.plan.summary["corrections"] == MASS + 2
    assert done.outcomes == {Outcome.APPLIED: MASS + 2}
    assert office.stage(late) == "lead"


def test_a_small_change_waits_for_no_proof(office: Office) -> None:
    crowd(office, MASS)
    office.door.advance(DAYS.total_seconds())
    done = apply(office.desk(permitted=True))
    assert done.outcomes == {Outcome.APPLIED: MASS}
    assert "changed" not in office.requests()


def test_where_no_proof_succeeds_nothing_of_a_mass_change_is_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(office, MASS + 1)
    office.door.advance(DAYS.total_seconds())
    counted = type(office.door).changed

    def one_more(*names: object, **more: object) -> Page:
        page = counted(*names, **more)  # type: ignore[arg-type]  # as it came
        is_count = names[1] is CONTACTS and names[2] == ()
        return Page(records=page.records, total=(page.total or 0) + is_count)

    monkeypatch.setattr(type(office.door), "changed", one_more)
    with pytest.raises(TemporaryError, match="contacts could not be proven complete"):
        apply(office.desk(permitted=True))
    assert office.door.sent == []


def test_a_proof_holds_for_a_day(office: Office) -> None:
    crowd(office, MASS + 1)
    office.door.advance(DAYS.total_seconds())
    verify_mirror(office.desk())
    office.door.advance(3600)
    office.requests()
    apply(office.desk(permitted=True))
    assert "changed" not in office.requests()
