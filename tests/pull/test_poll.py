"""Polling leaves a complete mirror, and a process that dies loses nothing."""

from __future__ import annotations

import pytest

from connector.core.model import STAGE
from connector.errors import UserError
from connector.hubspot.http.failures import Unavailable
from connector.plan.propose import propose
from connector.pull.poll import pull, require_mirror
from state import checkpoints, mirror
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DEALS,
    OPEN,
    START,
    ConnectedPortal,
)
from tests.pull.polled_portal import UNAVAILABLE, linked_deal_ids


def read_checkpoint(portal: ConnectedPortal, name: str) -> object:
    with portal.store.reading("1") as session:
        return checkpoints.get(session, name)


def test_the_first_pull_reads_everything_and_makes_it_due(portal: ConnectedPortal) -> None:
    company = portal.company()
    contacts = [portal.contact("lead") for _ in range(205)]
    portal.deal(OPEN, contacts[3], company)

    result = pull(portal.context())

    # Whatever a deal is linked with is known from the deal's side.
    assert portal.take_requests()["associations"] == 2
    assert result.read == {DEALS: 1, COMPANIES: 1, CONTACTS: 205}
    assert result.scanned == {DEALS, COMPANIES, CONTACTS}
    assert portal.due() == tuple(contacts)
    assert portal.due(COMPANIES) == (company,)
    assert linked_deal_ids(portal, contacts[3]) == linked_deal_ids(portal, company) != []


def test_the_next_pull_reads_only_changes_and_only_they_become_due(portal: ConnectedPortal) -> None:
    contacts = [portal.contact("lead") for _ in range(5)]
    portal.read_all()
    portal.api.advance(3600)
    portal.edit(contacts[2], email="anna@fjord.example")
    portal.take_requests()

    result = pull(portal.context())

    assert result.scanned == frozenset()
    assert result.read == {DEALS: 0, COMPANIES: 0, CONTACTS: 1}
    assert result.changed[CONTACTS] == 1
    assert portal.due() == (contacts[2],)
    assert portal.mirrored(contacts[2])["email"] == "anna@fjord.example"  # type: ignore[index]  # it is there
    assert portal.take_requests() == {"changed": 3, "associations": 1}


def test_an_idle_pull_costs_three_searches_and_reads_the_overlap_without_news(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    pull(portal.context())
    propose(portal.context())
    portal.take_requests()

    result = pull(portal.context())

    assert portal.take_requests() == {"changed": 3}
    assert (result.read[CONTACTS], result.changed[CONTACTS]) == (1, 0)
    assert portal.due() == ()
    assert portal.mirrored(contact) is not None


def test_a_change_just_before_the_checkpoint_is_found_by_the_overlap(
    portal: ConnectedPortal,
) -> None:
    pull(portal.context())
    late_contact = portal.contact("lead")
    portal.api.hidden_from_search.add(late_contact)
    portal.api.advance(60)
    pull(portal.context())
    portal.api.hidden_from_search.clear()
    portal.api.advance(60)

    result = pull(portal.context())

    assert result.changed[CONTACTS] == 1
    assert portal.due() == (late_contact,)


@pytest.mark.parametrize("method", ["changed", "associations"])
def test_the_checkpoint_stays_where_it_was_when_something_fails_half_way(
    portal: ConnectedPortal, method: str
) -> None:
    pull(portal.context())
    before = read_checkpoint(portal, f"changes.{CONTACTS}")
    portal.api.advance(3600)
    portal.contact("lead")
    portal.take_requests()
    number = {"changed": 3, "associations": 1}[method]
    portal.api.before(method, number, lambda: portal.api.fail(method, UNAVAILABLE))

    with pytest.raises(Unavailable):
        pull(portal.context())

    assert read_checkpoint(portal, f"changes.{CONTACTS}") == before
    assert pull(portal.context()).changed[CONTACTS] == 1


def test_more_news_than_one_batch_is_stored_in_several_and_the_checkpoint_moves_last(
    portal: ConnectedPortal,
) -> None:
    pull(portal.context())
    before = read_checkpoint(portal, f"changes.{CONTACTS}")
    portal.api.advance(3600)
    for _ in range(1300):
        portal.contact("lead")
        portal.api.advance(0.001)
    portal.take_requests()
    portal.api.before("associations", 2, lambda: portal.api.fail("associations", UNAVAILABLE))

    with pytest.raises(Unavailable):
        pull(portal.context())

    assert read_checkpoint(portal, f"changes.{CONTACTS}") == before
    stored_count = len(portal.due())
    assert 0 < stored_count <= 1000
    result = pull(portal.context())
    assert result.read[CONTACTS] == 1300
    assert result.changed[CONTACTS] == 1300 - stored_count
    with portal.store.reading("1") as session:
        assert mirror.count(session)[CONTACTS] == 1300


def test_nothing_is_decided_on_a_mirror_that_lacks_a_type(portal: ConnectedPortal) -> None:
    with pytest.raises(UserError, match="connector pull"):
        require_mirror(portal.context())
    pull(portal.context())
    require_mirror(portal.context())


def test_a_full_pull_reads_everything_again(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    pull(portal.context())
    assert pull(portal.context(), full=True).scanned == {DEALS, COMPANIES, CONTACTS}


def test_archived_records_are_out_of_every_decision_after_a_listing(
    portal: ConnectedPortal,
) -> None:
    contact, archived = portal.contact("lead"), portal.contact("lead")
    pull(portal.context())
    portal.api.archive(archived)

    pull(portal.context(), full=True)

    assert portal.mirrored(archived) is None
    assert portal.due() == (contact,)


def test_more_archived_records_than_a_page_are_all_taken_out(portal: ConnectedPortal) -> None:
    archived = [portal.contact("lead") for _ in range(130)]
    pull(portal.context())
    for archived_contact in archived:
        portal.api.archive(archived_contact)
    pull(portal.context(), full=True)
    assert portal.due() == ()


def test_progress_is_told_with_its_total_where_it_is_known(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    progress_calls: list[tuple[str, int, int | None]] = []
    pull(
        portal.context(
            progress=lambda activity, done, total: progress_calls.append((activity, done, total))
        )
    )
    assert ("pull contacts", 1, 1) in progress_calls


def test_the_overlap_is_read_again_from_the_portals_own_time(portal: ConnectedPortal) -> None:
    portal.api.advance(10_000_000)  # our clock may be anywhere
    pull(portal.context())
    saved_checkpoint = read_checkpoint(portal, f"changes.{CONTACTS}")
    assert isinstance(saved_checkpoint, dict)
    assert saved_checkpoint["until"] > START.isoformat()
    assert STAGE in saved_checkpoint["properties"]
