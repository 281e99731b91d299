"""Explaining one record: from the mirror, or a sentence that says what to do."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE, ObjectType, Ref
from connector.errors import UserError
from connector.operations.explain import explain_record
from connector.pull.poll import pull
from tests.fakes.connected_portal import OPEN, ConnectedPortal


def test_a_record_is_explained_with_what_it_is_and_should_be(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.deal(OPEN, contact)
    pull(portal.context())
    explained = explain_record(portal.context(), contact)
    record, explanation = explained.record, explained.explanation
    assert explained.held_back == ()
    assert (record.value(STAGE), explanation.decision.stage) == ("lead", "opportunity")
    assert explanation.decision.rule == "open-deal"
    assert portal.api.sent_updates == []


def test_a_record_that_nobody_pulled_is_told_with_what_to_do(portal: ConnectedPortal) -> None:
    pull(portal.context())
    with pytest.raises(UserError, match=r"contacts/5 is not in the mirror: .*connector pull"):
        explain_record(portal.context(), Ref(ObjectType.CONTACTS, "5"))


def test_before_the_first_pull_nothing_is_explained(portal: ConnectedPortal) -> None:
    with pytest.raises(UserError, match="connector pull"):
        explain_record(portal.context(), portal.contact("lead"))


def test_an_archived_record_is_left_alone(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    pull(portal.context())
    portal.api.archive(contact)
    pull(portal.context(), full=True)
    with pytest.raises(UserError, match="is archived"):
        explain_record(portal.context(), contact)


def test_a_deal_has_no_lifecycle_stage(portal: ConnectedPortal) -> None:
    deal = portal.deal(OPEN)
    pull(portal.context())
    with pytest.raises(UserError, match="A deal has no lifecycle stage"):
        explain_record(portal.context(), deal)
