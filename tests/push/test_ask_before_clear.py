"""Where properties may be required, a stage is asked for first, and no answer costs a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from connector.core.model import STAGE, STATUS, Ref
from connector.hubspot.api import UpdateAnswer
from connector.hubspot.http.failures import BatchRefused, OutcomeUnknown
from connector.push.recover_open_moves import recover
from state import mirror
from tests.fakes.connected_portal import ConnectedPortal, HookedHubSpot
from tests.fakes.portal import FakeHubSpot
from tests.push.test_lasting_failures import create_reopened_customers, run

Changes = Mapping[Ref, Mapping[str, str]]
Update = Callable[[FakeHubSpot, Changes], UpdateAnswer]


@pytest.fixture(autouse=True)
def _properties_may_be_required(portal: ConnectedPortal) -> None:
    portal.api.enforces_required_properties = True


def refuse_questions(
    monkeypatch: pytest.MonkeyPatch, refused_ref: Ref, *names: str, code: str = "MISSING_VALUE"
) -> None:
    """Let HubSpot refuse the new stage of a record that has one, and name these properties."""
    original: Update = HookedHubSpot.update  # type: ignore[assignment]  # the same object

    def update(api: FakeHubSpot, changes: Changes) -> UpdateAnswer:
        asks = changes.get(refused_ref, {}).get(STAGE) == "opportunity"
        if asks and api.value(refused_ref, STAGE):
            error = f"HubSpot refused the batch update request (400: {code})"
            raise BatchRefused(error, category="VALIDATION_ERROR", property_names=names)
        return original(api, changes)

    monkeypatch.setattr(HookedHubSpot, "update", update)


def clears_of(portal: ConnectedPortal, ref: Ref) -> int:
    return sum(batch.get(ref, {}).get(STAGE) == "" for batch in portal.api.sent_updates)


@pytest.mark.parametrize("names", [("jobtitle",), ("jobtitle", STATUS)])
def test_a_stage_refused_for_another_property_is_not_cleared_for_whatever_the_code(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    refused, complete = create_reopened_customers(portal, 2)
    refuse_questions(monkeypatch, refused, *names)
    run(portal)
    assert clears_of(portal, refused) == 0
    assert (portal.stage(refused), portal.stage(complete)) == ("customer", "opportunity")


@pytest.mark.parametrize("names", [(STAGE,), (STATUS,), ()])
def test_a_stage_refused_for_itself_or_for_what_the_move_sets_goes_on(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    (asked,) = create_reopened_customers(portal, 1)
    refuse_questions(monkeypatch, asked, *names, code="REQUIRED" if names == (STATUS,) else "ODD")
    run(portal)
    assert portal.stage(asked) == "opportunity"


def test_a_refused_record_that_cannot_be_read_is_not_taken_for_archived(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, complete = create_reopened_customers(portal, 2)
    refuse_questions(monkeypatch, refused, "jobtitle")
    refusing: Update = HookedHubSpot.update  # type: ignore[assignment]  # the same object

    def update(api: FakeHubSpot, changes: Changes) -> UpdateAnswer:
        try:
            return refusing(api, changes)
        except BatchRefused:
            api.unreadable.add(refused)
            raise

    monkeypatch.setattr(HookedHubSpot, "update", update)
    result = run(portal)
    assert result.open_moves == (refused,)
    assert (portal.stage(refused), portal.stage(complete)) == ("customer", "opportunity")
    with portal.store.reading("1") as session:
        assert not mirror.get(session, [refused])[refused].archived
    portal.api.unreadable.clear()
    recover(portal.context())
    assert portal.open_moves() == ()
    assert portal.stage(refused) == "customer"


def test_where_no_answer_comes_for_a_record_nothing_of_it_is_cleared(
    portal: ConnectedPortal,
) -> None:
    failing, *healthy = create_reopened_customers(portal, 3)
    error = OutcomeUnknown("HubSpot failed at the batch update request (500)")
    portal.api.failing_values |= {(failing, STAGE, "opportunity"): error}
    result = run(portal)
    assert clears_of(portal, failing) == 0
    assert portal.stage(failing) == "customer"
    assert {portal.stage(contact) for contact in healthy} == {"opportunity"}
    assert result.open_moves == ()
    assert (str(failing), "opportunity", "refused") in portal.outcomes()


def test_an_edit_is_put_back_only_when_no_other_record_of_the_batch_stands_blank(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's edit was replaced by the question, and then the clear is refused."""
    contacts = create_reopened_customers(portal, 4)
    edited = contacts[2]
    original: Update = HookedHubSpot.update  # type: ignore[assignment]  # the same object
    edits, refusals = [], []
    blank_when_put_back: list[Ref] = []

    def update(api: FakeHubSpot, changes: Changes) -> UpdateAnswer:
        stage = changes.get(edited, {}).get(STAGE)
        if stage == "opportunity" and not edits:
            edits.append(portal.edit_as_person(edited, lifecyclestage="lead"))
            api.advance(1)
        if stage == "" and not refusals:
            refusals.extend([True] if len(changes) == 1 else [])
            raise BatchRefused("HubSpot refused the clear", category="VALIDATION_ERROR")
        if stage is not None and refusals:
            healthy = [contact for contact in contacts if contact != edited]
            blank_when_put_back.extend(ref for ref in healthy if not portal.stage(ref))
        return original(api, changes)

    monkeypatch.setattr(HookedHubSpot, "update", update)
    run(portal)
    assert blank_when_put_back == []
    assert (str(edited), "opportunity", "restored") in portal.outcomes()
    assert portal.stage(edited) == "lead"
    assert {portal.stage(ref) for ref in contacts if ref != edited} == {"opportunity"}
