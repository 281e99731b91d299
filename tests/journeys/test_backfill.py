"""Backfill: several id ranges, complete whatever `after` means, resumable, within the budget."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from threading import Barrier

import pytest

from connector.core.model import ObjectType
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.daily_budget import Reserve
from connector.hubspot.http.failures import LimitReached
from connector.operations.backfill import backfill, estimate_cost, read_whole_portal
from connector.operations.resume_after_quota_reset import resume_after_quota_reset
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.sandbox.http.call import Request
from connector.sandbox.portal.portal import Portal
from state import mirror
from tests.journeys.kill_process import KILLED, ProcessOptions, run, start
from tests.journeys.mirror_comparison import differences
from tests.journeys.sample_records import (
    OPEN,
    create_contact,
    create_deal,
    create_mixed_records,
    expected_audit,
)
from tests.journeys.workspace import TOKEN, Workspace, new_portal

NewWorkspace = Callable[..., Workspace]
CONTACTS = ObjectType.CONTACTS


def create_contacts(portal: Portal, total: int, *, gap: int = 1) -> None:
    """Create contacts; the second half has ids far beyond the first, as in old portals."""
    first_id = 1000
    for index in range(total):
        contact_id = first_id + index + (10**9 + index * gap if index >= total // 2 else 0)
        portal.create(
            "contacts",
            {"email": f"p{index}@fjord.example", "lifecyclestage": "lead"},
            id=contact_id,
        )


def count_mirrored_contacts(workspace: Workspace) -> int:
    with workspace.store() as store, store.reading(str(workspace.portal.portal_id)) as session:
        return mirror.count(session)[CONTACTS]


@pytest.mark.parametrize("meaning", ["next", "last", "opaque"])
def test_every_record_is_listed_once_whatever_after_means(
    new_workspace: NewWorkspace, meaning: str
) -> None:
    workspace = new_workspace()
    workspace.portal.switches.list_after = meaning
    create_contacts(workspace.portal, 12_000, gap=37)
    with workspace.open_context() as context:
        pull(context)
    list_requests = [
        request
        for request in workspace.sandbox.requests
        if request.route == "list" and "contacts" in request.path
    ]
    assert count_mirrored_contacts(workspace) == 12_000
    assert differences(workspace) == {}
    assert len(list_requests) <= 1.1 * 120 + 12 * (meaning == "opaque")


def test_several_chains_are_under_way_at_once(workspace: Workspace) -> None:
    create_contacts(workspace.portal, 12_000)
    # No list request is answered before four of them have come in.
    barrier = Barrier(4, timeout=10)
    request_numbers = count(1)

    def wait_for_requests(request: Request) -> None:
        if request.route == "list" and "contacts" in request.path and next(request_numbers) <= 4:
            barrier.wait()

    workspace.sandbox.before_answer = wait_for_requests
    with workspace.open_context() as context:
        pull(context)
    assert not barrier.broken
    assert count_mirrored_contacts(workspace) == 12_000


def _act_at_list_request(workspace: Workspace, nth: int, action: Callable[[], None]) -> None:
    request_numbers = count(1)

    def act_at_nth(request: Request) -> None:
        if request.route == "list" and next(request_numbers) == nth:
            action()

    workspace.sandbox.before_answer = act_at_nth


def test_a_killed_backfill_goes_on_where_it_was(new_workspace: NewWorkspace) -> None:
    workspace = new_workspace(new_portal(running=True))
    create_contacts(workspace.portal, 8_000)
    create_contact(workspace.portal, "anna", "lead")
    portal = workspace.portal
    create_deal(portal, [OPEN], contacts=[str(portal.records("contacts")[0].id)])
    process = start(workspace, "backfill", "--yes")
    _act_at_list_request(workspace, 68, process.kill)
    assert process.wait() == KILLED
    workspace.sandbox.before_answer = None
    assert 2_000 < count_mirrored_contacts(workspace) < 8_000
    workspace.sandbox.clear_requests()

    assert run(workspace, "backfill", "--yes") == 0

    list_requests = Counter(
        request.path for request in workspace.sandbox.requests if request.route == "list"
    )
    # Of six chains each may read a half-empty page, and lose the page that was under way.
    assert 68 + sum(list_requests.values()) <= 82 + 2 * 6
    assert not any("deals" in path for path in list_requests)
    assert count_mirrored_contacts(workspace) == 8_001
    assert differences(workspace) == {}


def test_the_cost_is_announced_and_a_dry_run_writes_nothing(new_workspace: NewWorkspace) -> None:
    workspace = new_workspace(new_portal(running=True))
    expected = create_mixed_records(workspace.portal)
    before = workspace.values(*expected)
    assert run(workspace, "backfill", "--dry-run") == 0
    assert "5 contacts, 2 companies, 4 deals: about 5 requests" in (
        workspace.folder / "err"
    ).read_text(encoding="utf-8")
    assert workspace.values(*expected) == before
    assert workspace.sandbox.write_requests() == []
    assert run(workspace, "backfill", "--yes", "--json") == 0
    assert workspace.values(*expected) == expected


def test_a_backfill_obeys_the_limits_unless_it_is_told_not_to(new_workspace: NewWorkspace) -> None:
    workspace = new_workspace(new_portal(running=True))
    blank_contacts = [create_contact(workspace.portal, f"p{number}", "") for number in range(120)]
    assert run(workspace, "backfill", "--yes") == 1
    assert workspace.sandbox.write_requests() == []
    assert run(workspace, "backfill", "--yes", "--no-limits") == 0
    assert {
        workspace.value(f"contacts/{contact_id}.lifecyclestage") for contact_id in blank_contacts
    } == {"lead"}


def test_the_cost_is_near_what_reading_then_takes(workspace: Workspace) -> None:
    create_contacts(workspace.portal, 12_000)
    with workspace.open_context() as context:
        estimate = estimate_cost(context)
        workspace.sandbox.clear_requests()
        read_whole_portal(context)
    assert estimate.records[CONTACTS] == 12_000
    assert 0.9 < workspace.sandbox.request_count("list") / estimate.requests < 1.1
    assert estimate.share is not None


def spend_requests(api: HubSpotClient, requests: int) -> None:
    for _ in range(requests):
        api.account()


@pytest.mark.parametrize("before", [688, 690, 693, 696, 699])
def test_the_day_stops_at_seven_hundred_and_goes_on_after_midnight(
    new_workspace: NewWorkspace, before: int
) -> None:
    """The daily limit is 1,000 with a reserve of 300, and the day is nearly used up."""
    workspace = new_workspace(CONNECTOR_DAILY_RESERVE="300")
    expected = create_mixed_records(workspace.portal)
    expected_lines = expected_audit(workspace.values(*expected), expected)
    workspace.portal.switches.daily_limit = 1_000
    workspace.portal.switches.enforce_limits = True
    waits: list[float] = []

    def wait(seconds: float) -> None:
        if seconds > 3600:
            waits.append(seconds)
            requests_at_stop.append(len(workspace.sandbox.requests))
        workspace.portal.clock.advance(seconds)

    requests_at_stop: list[int] = []
    with workspace.open_context() as context:
        api = context.api
        assert isinstance(api, HubSpotClient)
        spend_requests(api, before - len(workspace.sandbox.requests))
        resume_after_quota_reset(replace(context, wait=wait), sync)

    assert len(waits) == 1
    assert 690 <= requests_at_stop[0] <= 706  # a batch that was begun is finished
    assert waits[0] == pytest.approx(13.5 * 3600, abs=120)  # 10:30 in Oslo
    assert workspace.values(*expected) == expected
    assert workspace.applied_values() == expected_lines
    assert len(workspace.audit_lines()) == len(expected_lines)


def test_reading_alone_stops_exactly_at_the_reserve(new_workspace: NewWorkspace) -> None:
    workspace = new_workspace(CONNECTOR_DAILY_RESERVE="300")
    workspace.portal.switches.daily_limit = 1_000
    with workspace.open_context() as context:
        api = context.api
        assert isinstance(api, HubSpotClient)
        with pytest.raises(LimitReached, match="midnight in Europe/Oslo"):
            spend_requests(api, 1_000)
    assert len(workspace.sandbox.requests) == 700


def test_two_processes_on_one_database_keep_the_search_limit_together(
    new_workspace: NewWorkspace,
) -> None:
    workspace = new_workspace(new_portal(running=True))
    create_contacts(workspace.portal, 1_000)
    with workspace.open_context() as context:
        pull(context)
    for record in workspace.portal.records("contacts"):
        workspace.portal.edit("contacts", str(record.id), {"lifecyclestage": "customer"})
    workspace.portal.switches.enforce_limits = True
    workspace.sandbox.clear_requests()
    # Neither goes on before both have begun to search.
    barrier, request_numbers = Barrier(2, timeout=30), count(1)

    def wait_for_requests(request: Request) -> None:
        if request.route == "search" and next(request_numbers) <= 2:
            barrier.wait()

    workspace.sandbox.before_answer = wait_for_requests
    processes = [
        start(workspace, "pull", options=ProcessOptions(waits_fully=True)) for _ in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    searches = [
        request.status for request in workspace.sandbox.requests if request.route == "search"
    ]
    assert len(searches) >= 14
    assert 429 not in searches


@pytest.mark.long
def test_a_hundred_thousand_contacts_use_nine_tenths_of_what_we_may_take(
    new_workspace: NewWorkspace,
) -> None:
    workspace = new_workspace(new_portal(running=True))
    portal = workspace.portal
    create_contacts(portal, 100_000)
    portal.switches.latency_seconds = 0.3
    portal.switches.enforce_limits = True
    with workspace.open_context() as context:
        client = HubSpotClient(
            TOKEN, workspace.sandbox.url, wait=time.sleep, monotonic=time.monotonic
        )
        client.configure_limits(Reserve(), context.store.rate_slots(context.portal_id))
        workspace.sandbox.clear_requests()
        started = time.monotonic()
        pull(replace(context, api=client, wait=time.sleep))
        seconds = time.monotonic() - started
        client.close()
    requests = workspace.sandbox.requests
    sys.stdout.write(f"{len(requests)} requests in {seconds:.1f} s\n")
    assert not [request for request in requests if request.status == 429]
    assert len(requests) <= 1.1 * 1003
    assert len(requests) / seconds * 10 >= 0.9 * 0.95 * 190
    assert count_mirrored_contacts(workspace) == 100_000


def test_backfill_corrects_like_a_sync(workspace: Workspace) -> None:
    expected = create_mixed_records(workspace.portal)
    with workspace.open_context() as context:
        backfill(context)
    assert workspace.values(*expected) == expected
