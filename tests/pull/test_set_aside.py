"""One record that cannot be read never holds up the others, and is tried again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from connector.core.model import STAGE, ObjectType, Ref
from connector.core.webhook_event import Event
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer, IncompleteWindow
from connector.operations.sync import sync
from connector.plan.propose import propose
from connector.pull.named_records import read_named_records
from connector.pull.poll import pull
from connector.pull.verify_mirror import verify_mirror
from state import unreadable_records, webhook_inbox
from state.unreadable_records import FailedReading, UnreadableRecord
from tests.fakes.connected_portal import COMPANIES, CONTACTS, DEALS, OPEN, WON, ConnectedPortal
from tests.fakes.portal import FakeHubSpot


def set_aside(portal: ConnectedPortal) -> dict[Ref, UnreadableRecord]:
    with portal.store.reading("1") as session:
        return {entry.record: entry for entry in unreadable_records.read_all(session)}


def make_rows_odd(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, method: str, *odd: Ref
) -> None:
    """Let lists or searches show these records so that they cannot be read."""
    original = getattr(type(portal.api), method)

    def with_odd_rows(*arguments: object, **options: object) -> Page:
        page: Page = original(*arguments, **options)
        shown = tuple(record for record in page.records if record.ref not in odd)
        unreadable = {
            record.ref: "createdAt is missing" for record in page.records if record.ref in odd
        }
        return replace(page, records=shown, unreadable=unreadable)

    monkeypatch.setattr(type(portal.api), method, with_odd_rows)


def test_a_record_that_is_never_served_is_set_aside_and_the_others_are_corrected(
    portal: ConnectedPortal,
) -> None:
    broken, sound = portal.contact(), portal.contact()
    portal.read_all()
    portal.make_due([broken, sound])
    portal.api.unreadable.add(broken)
    sync(portal.context())
    assert (portal.stage(broken), portal.stage(sound)) == ("", "lead")
    (entry,) = set_aside(portal).values()
    assert (entry.record, entry.reading, entry.times) == (broken, FailedReading.HISTORY, 1)
    assert portal.mirrored(broken) is not None


def test_what_is_set_aside_is_not_asked_for_before_its_next_try(portal: ConnectedPortal) -> None:
    broken = portal.contact()
    portal.read_all()
    portal.make_due([broken])
    portal.api.unreadable.add(broken)
    sync(portal.context())
    portal.make_due([broken])
    portal.take_requests()
    portal.api.read_calls.clear()
    sync(portal.context())
    assert portal.api.read_calls == []
    assert set_aside(portal)[broken].times == 1


def test_a_record_that_is_served_again_is_released_and_decided(portal: ConnectedPortal) -> None:
    broken = portal.contact()
    portal.read_all()
    portal.make_due([broken])
    portal.api.unreadable.add(broken)
    sync(portal.context())
    portal.api.unreadable.clear()
    portal.api.advance(16 * 60)
    sync(portal.context())
    assert set_aside(portal) == {}
    assert portal.stage(broken) == "lead"


def test_each_try_that_fails_waits_longer_and_a_day_at_most(portal: ConnectedPortal) -> None:
    broken = portal.contact()
    portal.read_all()
    portal.make_due([broken])
    portal.api.unreadable.add(broken)
    sync(portal.context())
    waits = []
    for _ in range(6):
        entry = set_aside(portal)[broken]
        waits.append((entry.next_try - portal.api.now()) / timedelta(hours=1))
        portal.api.advance((entry.next_try - portal.api.now()).total_seconds())
        pull(portal.context())
    assert waits == [0.25, 1, 4, 16, 24, 24]
    assert set_aside(portal)[broken].since < portal.api.now() - timedelta(days=2)


def test_a_named_record_that_is_not_served_is_not_taken_for_a_deleted_one(
    portal: ConnectedPortal,
) -> None:
    broken, sound = portal.contact("lead"), portal.contact("lead")
    portal.read_all()
    portal.api.unreadable.add(broken)
    portal.edit(sound, jobtitle="CEO")
    store_events(portal, broken, sound)
    read_named_records(portal.context())
    assert portal.mirrored(broken) is not None
    assert set(set_aside(portal)) == {broken}


def store_events(portal: ConnectedPortal, *refs: Ref) -> None:
    events = [
        Event(key=f"event-{ref}", record=ref, read_associations=False, at=portal.api.now())
        for ref in refs
    ]
    with portal.store.begin("1") as session:
        webhook_inbox.put(session, events, at=portal.api.now())


def test_a_deal_whose_associations_cannot_be_read_holds_up_nothing(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    broken = portal.deal(OPEN, contact)
    sound = portal.contact()
    portal.api.unreadable_links.add(broken)
    pull(portal.context())
    # The contact's side names the deal, which is then left out as a whole.
    assert portal.mirrored(broken) is None
    assert portal.mirrored(sound) is not None
    assert set_aside(portal)[broken].reading is FailedReading.ASSOCIATIONS


def test_associations_that_cannot_be_read_stay_as_they_were(portal: ConnectedPortal) -> None:
    contact = portal.contact("opportunity")
    portal.deal(OPEN, contact)
    portal.read_all()
    portal.api.advance(3600)
    portal.edit(contact, email="anna@fjord.example")
    portal.api.unreadable_links.add(contact)
    pull(portal.context())
    portal.make_due([contact])
    assert portal.changes(portal.propose()) == []
    portal.api.unreadable_links.clear()
    portal.api.advance(3600)
    pull(portal.context())
    assert set_aside(portal) == {}
    assert portal.mirrored(contact)["email"] == "anna@fjord.example"  # type: ignore[index]  # it is there
    assert portal.due() == (contact,)


def test_a_contact_whose_deal_history_cannot_be_read_is_left_alone(
    portal: ConnectedPortal,
) -> None:
    contact, sound = portal.contact("customer"), portal.contact()
    deal = portal.deal(WON, contact)
    portal.edit(deal, dealstage=OPEN)
    portal.read_all()
    portal.make_due([contact, sound])
    portal.api.unreadable.add(deal)
    assert {change[0] for change in portal.changes(portal.propose())} == {str(sound)}
    assert set(set_aside(portal)) == {deal}
    portal.api.unreadable.clear()
    portal.api.advance(16 * 60)
    pull(portal.context())
    assert {change[0] for change in portal.changes(portal.propose())} == {str(contact), str(sound)}


@pytest.mark.parametrize("first", [True, False], ids=["first listing", "listed again"])
def test_a_row_that_cannot_be_read_is_neither_missing_nor_blank_to_a_full_scan(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    contacts = [portal.contact("lead") for _ in range(3)]
    if not first:
        portal.read_all()
    make_rows_odd(portal, monkeypatch, "list_page", contacts[1])
    result = pull(portal.context(), full=True)
    assert result.read[CONTACTS] == 3
    assert set(set_aside(portal)) == {contacts[1]}
    assert (portal.mirrored(contacts[1]) is None) is first


def test_a_row_that_cannot_be_read_does_not_stop_a_poll_and_is_read_by_id_later(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.read_all()
    odd, sound = portal.contact("lead"), portal.contact("lead")
    with monkeypatch.context() as patch:
        make_rows_odd(portal, patch, "search_changed", odd)
        pull(portal.context())
    assert (portal.mirrored(odd), portal.mirrored(sound) is None) == (None, False)
    assert set_aside(portal)[odd].reading is FailedReading.PAGE
    portal.api.advance(16 * 60)
    pull(portal.context())
    assert portal.mirrored(odd) is not None
    assert set_aside(portal) == {}


def test_a_record_that_is_archived_while_it_is_set_aside_is_forgotten(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.read_all()
    odd = portal.contact("lead")
    with monkeypatch.context() as patch:
        make_rows_odd(portal, patch, "search_changed", odd)
        pull(portal.context())
    portal.api.archive(odd)
    portal.api.advance(16 * 60)
    pull(portal.context())
    assert set_aside(portal) == {}


def test_a_sample_that_cannot_be_read_is_not_removed_from_the_mirror(
    portal: ConnectedPortal,
) -> None:
    broken = portal.contact("lead")
    portal.read_all()
    portal.api.unreadable.add(broken)
    proofs = verify_mirror(portal.context())
    assert all(proof.agrees and proof.removed == 0 for proof in proofs)
    assert portal.mirrored(broken) is not None


def test_a_window_that_does_not_add_up_keeps_its_checkpoint_and_holds_up_no_other_type(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.read_all()
    hidden, shown = portal.deal(OPEN), portal.deal(OPEN)
    contact = portal.contact("lead")
    original = FakeHubSpot.search_changed

    def without_a_row(
        api: FakeHubSpot, kind: ObjectType, properties: Sequence[str], **options: object
    ) -> Page:
        page = original(api, kind, properties, **options)  # type: ignore[arg-type]  # as it came
        rows = tuple(record for record in page.records if record.ref != hidden)
        return replace(page, records=rows)

    with monkeypatch.context() as patch:
        patch.setattr(FakeHubSpot, "search_changed", without_a_row)
        with pytest.raises(IncompleteWindow, match="1 rows and counts 2"):
            pull(portal.context())
    assert (portal.mirrored(hidden), portal.mirrored(shown) is None) == (None, False)
    assert portal.mirrored(contact) is not None
    portal.api.advance(3600)
    pull(portal.context())
    assert portal.mirrored(hidden) is not None


@pytest.mark.parametrize("was_listed_today", [False, True])
def test_a_window_that_never_adds_up_is_named_read_by_ids_and_left_behind(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, *, was_listed_today: bool
) -> None:
    portal.read_all()
    original = FakeHubSpot.search_changed

    def with_a_row_that_never_comes(
        api: FakeHubSpot, kind: ObjectType, properties: Sequence[str], **options: object
    ) -> Page:
        page = original(api, kind, properties, **options)  # type: ignore[arg-type]  # as it came
        return replace(page, total=len(page.records) + (kind is DEALS))

    def pull_until_it_passes() -> int:
        for tries in range(10):
            portal.api.advance(600)
            try:
                pull(portal.context())
            except IncompleteWindow:
                continue
            return tries
        raise AssertionError("the window is never left behind")

    monkeypatch.setattr(FakeHubSpot, "search_changed", with_a_row_that_never_comes)
    if was_listed_today:
        assert pull_until_it_passes() == 2
    deal = portal.deal(OPEN)
    portal.take_requests()
    with structlog.testing.capture_logs() as logs:
        assert pull_until_it_passes() == 2
    assert portal.mirrored(deal) is not None
    names = {entry["event"]: entry for entry in logs if entry["event"] == "window.given_up"}
    assert names["window.given_up"]["object_type"] == "deals"
    # A list of all ids is dear: it is made once a day, and the daily rescan does the rest.
    assert (portal.take_requests()["last"] == 0) == was_listed_today


@pytest.mark.parametrize("list_works", [False, True])
def test_a_search_that_is_broken_for_hours_gives_up_no_window_and_holds_up_no_other_type(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, *, list_works: bool
) -> None:
    portal.read_all()
    broken = BadAnswer("HubSpot's answer is no JSON")
    search, search_last = FakeHubSpot.search_changed, FakeHubSpot.search_last

    def break_search(
        api: FakeHubSpot, kind: ObjectType, *arguments: object, **options: object
    ) -> Page:
        if kind is DEALS:
            raise broken
        return search(api, kind, *arguments, **options)  # type: ignore[arg-type]  # as it came

    def break_list(api: FakeHubSpot, kind: ObjectType) -> Page:
        if kind is DEALS and not list_works:
            raise broken
        return search_last(api, kind)

    deal = portal.deal(OPEN)
    with monkeypatch.context() as patch:
        patch.setattr(FakeHubSpot, "search_changed", break_search)
        patch.setattr(FakeHubSpot, "search_last", break_list)
        failure_count = 0
        for _ in range(12):
            portal.api.advance(600)
            contact = portal.contact("lead")
            try:
                pull(portal.context())
            except BadAnswer:
                failure_count += 1
            assert portal.mirrored(contact) is not None
    # A list of all ids reads the type once a day; then the checkpoint waits for the search.
    assert failure_count == (11 if list_works else 12)
    assert (portal.mirrored(deal) is not None) == list_works
    portal.api.advance(600)
    pull(portal.context())
    assert portal.mirrored(deal) is not None


def test_a_plan_does_not_decide_what_is_set_aside(portal: ConnectedPortal) -> None:
    contact, company = portal.contact(), portal.company("customer")
    portal.read_all()
    with portal.store.begin("1") as session:
        reasons = {contact: "not served", company: "not served"}
        unreadable_records.set_aside(
            session, reasons, reading=FailedReading.RECORD, at=portal.api.now()
        )
    portal.make_due([contact, company])
    assert portal.changes(propose(portal.context())) == []
    assert (portal.due(), portal.due(COMPANIES)) == ((), ())
    assert portal.mirrored(contact)[STAGE] is None  # type: ignore[index]  # it is there
