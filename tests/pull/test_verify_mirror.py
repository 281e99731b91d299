"""A mass change waits until the mirror is freshly proven to be complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.lint.default_portal import definition
from connector.core.model import Outcome, Ref
from connector.errors import TemporaryError
from connector.hubspot.api import Page
from connector.operations.sync import MASS_CORRECTIONS, apply
from connector.pull.verify_mirror import PROOF_VALIDITY, verify_mirror
from tests.fakes.connected_portal import CONTACTS, ConnectedPortal

TOO_OLD = PROOF_VALIDITY + timedelta(hours=1)


def create_due_contacts(portal: ConnectedPortal, count: int) -> list[Ref]:
    """Let so many contacts without a stage be mirrored, all of them due."""
    contacts = [portal.contact() for _ in range(count)]
    portal.read_all()
    portal.make_due(contacts)
    return contacts


def test_a_mass_change_on_a_mirror_that_was_just_read_is_sent_at_once(
    portal: ConnectedPortal,
) -> None:
    create_due_contacts(portal, MASS_CORRECTIONS + 1)
    result = apply(portal.context(permitted=True))
    assert result.outcomes == {Outcome.APPLIED: MASS_CORRECTIONS + 1}
    assert "changed" not in portal.take_requests()


def test_a_mass_change_waits_for_a_proof_and_is_then_decided_anew(portal: ConnectedPortal) -> None:
    create_due_contacts(portal, MASS_CORRECTIONS + 1)
    portal.api.advance(TOO_OLD.total_seconds())
    late_contact = portal.contact()  # an apply asks for no changes, so only the proof learns of it
    portal.api.advance(TOO_OLD.total_seconds())
    result = apply(portal.context(permitted=True))
    assert result.plan.summary.corrections == MASS_CORRECTIONS + 2
    assert result.outcomes == {Outcome.APPLIED: MASS_CORRECTIONS + 2}
    assert portal.stage(late_contact) == "lead"


def test_a_small_change_waits_for_no_proof(portal: ConnectedPortal) -> None:
    create_due_contacts(portal, MASS_CORRECTIONS)
    portal.api.advance(TOO_OLD.total_seconds())
    result = apply(portal.context(permitted=True))
    assert result.outcomes == {Outcome.APPLIED: MASS_CORRECTIONS}
    assert "changed" not in portal.take_requests()


def test_where_no_proof_succeeds_nothing_of_a_mass_change_is_sent(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_due_contacts(portal, MASS_CORRECTIONS + 1)
    portal.api.advance(TOO_OLD.total_seconds())
    original_search = type(portal.api).search_changed

    def search_with_one_more(*arguments: object, **options: object) -> Page:
        page = original_search(*arguments, **options)  # type: ignore[arg-type]  # as it came
        is_count = arguments[1] is CONTACTS and arguments[2] == ()
        return Page(records=page.records, total=(page.total or 0) + is_count)

    monkeypatch.setattr(type(portal.api), "search_changed", search_with_one_more)
    with pytest.raises(
        TemporaryError, match="since the mirror of contacts could not be verified as complete"
    ):
        apply(portal.context(permitted=True))
    assert portal.api.sent_updates == []


def test_a_proof_holds_for_a_day(portal: ConnectedPortal) -> None:
    create_due_contacts(portal, MASS_CORRECTIONS + 1)
    portal.api.advance(TOO_OLD.total_seconds())
    verify_mirror(portal.context())
    portal.api.advance(3600)
    portal.take_requests()
    apply(portal.context(permitted=True))
    assert "changed" not in portal.take_requests()


def test_the_date_of_a_stage_is_mirrored_together_with_the_stage(portal: ConnectedPortal) -> None:
    name = "hs_v2_date_entered_current_stage"
    portal_info = portal.api.portal_info
    definitions = {**portal_info.definitions[CONTACTS], name: definition(name, "datetime")}
    portal.api.portal_info = replace(
        portal_info, definitions={**portal_info.definitions, CONTACTS: definitions}
    )
    (contact,) = create_due_contacts(portal, 1)
    dates = {name: "2026-03-12T13:00:00Z"}
    portal.api.after("update", 1, lambda: portal.api.put(contact, dates, source_type="CALCULATED"))
    apply(portal.context())
    mirrored = portal.mirrored(contact)
    assert mirrored is not None
    assert mirrored.items() >= dates.items()
