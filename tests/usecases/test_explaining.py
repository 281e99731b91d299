"""Explaining one record: from the mirror, or a sentence that says what to do."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, ObjectType, Ref
from connector.errors import UserError
from connector.explaining import explain_record
from connector.pull import pull
from tests.usecases.office import OPEN, Office


def test_a_record_is_explained_with_what_it_is_and_should_be(office: Office) -> None:
    person = office.contact("lead")
    office.deal(OPEN, person)
    pull(office.desk())
    whole = explain_record(office.desk(), person)
    record, told = whole.record, whole.explanation
    assert whole.aside == ()
    assert (record.value(STAGE), told.decision.stage) == ("lead", "opportunity")
    assert told.decision.rule == "open-deal"
    assert office.door.sent == []


def test_a_record_that_nobody_pulled_is_told_with_what_to_do(office: Office) -> None:
    pull(office.desk())
    with pytest.raises(UserError, match=r"contacts/5 is not in the mirror: .*connector pull"):
        explain_record(office.desk(), Ref(ObjectType.CONTACTS, "5"))


def test_before_the_first_pull_nothing_is_explained(office: Office) -> None:
    with pytest.raises(UserError, match="connector pull"):
        explain_record(office.desk(), office.contact("lead"))


def test_an_archived_record_is_left_alone(office: Office) -> None:
    person = office.contact("lead")
    pull(office.desk())
    office.door.archive(person)
    pull(office.desk(), full=True)
    with pytest.raises(UserError, match="is archived"):
        explain_record(office.desk(), person)


def test_a_deal_has_no_lifecycle_stage(office: Office) -> None:
    deal = office.deal(OPEN)
    pull(office.desk())
    with pytest.raises(UserError, match="A deal has no lifecycle stage"):
        explain_record(office.desk(), deal)
