"""Backfill: several chains, complete whatever `after` means, resumable, within the budget."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from threading import Barrier

import pytest

from connector.backfill import backfill, cost, read_all
from connector.core.model import ObjectType
from connector.hubspot.budget import Reserve
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.faults import LimitReached
from connector.nights import through_the_night
from connector.pull import pull
from connector.sandbox.call import Request
from connector.sandbox.portal import Portal
from connector.sync import sync
from state import mirror
from tests.journeys.bench import TOKEN, Bench, new_portal
from tests.journeys.cast import OPEN, changed, contact, deal, mixed
from tests.journeys.killing import KILLED, Terms, run, start
from tests.journeys.mirrored import differences

SetUp = Callable[..., Bench]
CONTACTS = ObjectType.CONTACTS


def crowd(portal: Portal, number: int, *, gap: int = 1) -> None:
    """Create contacts; the second half has ids far beyond the first, as in old portals."""
    first = 1000
    for place in range(number):
        number_of_its_own = first + place + (10**9 + place * gap if place >= number // 2 else 0)
        portal.create(
            "contacts",
            {"email": f"p{place}@fjord.example", "lifecyclestage": "lead"},
            id=number_of_its_own,
        )


def counted(bench: Bench) -> int:
    with bench.store() as store, store.reading() as session:
        return mirror.count(session, str(bench.portal.portal_id))[CONTACTS]


@pytest.mark.parametrize("meaning", ["next", "last", "opaque"])
def test_every_record_is_listed_once_whatever_after_means(set_up: SetUp, meaning: str) -> None:
    bench = set_up()
    bench.portal.switches.list_after = meaning
    crowd(bench.portal, 12_000, gap=37)
    with bench.desk() as desk:
        pull(desk)
    lists = [one for one in bench.box.requests if one.route == "list" and "contacts" in one.path]
    assert counted(bench) == 12_000
    assert differences(bench) == {}
    assert len(lists) <= 1.1 * 120 + 12 * (meaning == "opaque")


def test_several_chains_are_under_way_at_once(bench: Bench) -> None:
    crowd(bench.portal, 12_000)
    # No list request is answered before four of them have come in.
    four = Barrier(4, timeout=10)
    numbers = count(1)

    def meet(request: Request) -> None:
        if request.route == "list" and "contacts" in request.path and next(numbers) <= 4:
            four.wait()

    bench.box.before = meet
    with bench.desk() as desk:
        pull(desk)
    assert not four.broken
    assert counted(bench) == 12_000


def _strike(bench: Bench, nth: int, act: Callable[[], None]) -> None:
    numbers = count(1)

    def strike(request: Request) -> None:
        if request.route == "list" and next(numbers) == nth:
            act()

    bench.box.before = strike


def test_a_killed_backfill_goes_on_where_it_was(set_up: SetUp) -> None:
    bench = set_up(new_portal(running=True))
    crowd(bench.portal, 8_000)
    contact(bench.portal, "anna", "lead")
    portal = bench.portal
    deal(portal, [OPEN], contacts=[str(portal.records("contacts")[0].id)])
    child = start(bench, "backfill", "--yes")
    _strike(bench, 68, child.kill)
    assert child.wait() == KILLED
    bench.box.before = None
    assert 2_000 < counted(bench) < 8_000
    bench.box.forget()

    assert run(bench, "backfill", "--yes") == 0

    lists = Counter(one.path for one in bench.box.requests if one.route == "list")
    # Of six chains each may read a half-empty page, and lose the page that was under way.
    assert 68 + sum(lists.values()) <= 82 + 2 * 6
    assert not any("deals" in path for path in lists)
    assert counted(bench) == 8_001
    assert differences(bench) == {}


def test_the_cost_is_announced_and_a_dry_run_writes_nothing(set_up: SetUp) -> None:
    bench = set_up(new_portal(running=True))
    wanted = mixed(bench.portal)
    before = bench.values(*wanted)
    assert run(bench, "backfill", "--dry-run") == 0
    assert "5 contacts, 2 companies, 4 deals: about 5 requests" in (bench.folder / "err").read_text(
        encoding="utf-8"
    )
    assert bench.values(*wanted) == before
    assert bench.box.writes() == []
    assert run(bench, "backfill", "--yes", "--json") == 0
    assert bench.values(*wanted) == wanted


def test_a_backfill_obeys_the_limits_unless_it_is_told_not_to(set_up: SetUp) -> None:
    bench = set_up(new_portal(running=True))
    blank = [contact(bench.portal, f"p{number}", "") for number in range(120)]
    assert run(bench, "backfill", "--yes") == 1
    assert bench.box.writes() == []
    assert run(bench, "backfill", "--yes", "--no-limits") == 0
    assert {bench.value(f"contacts/{one}.lifecyclestage") for one in blank} == {"lead"}


def test_the_cost_is_near_what_reading_then_takes(bench: Bench) -> None:
    crowd(bench.portal, 12_000)
    with bench.desk() as desk:
        announced = cost(desk)
        bench.box.forget()
        read_all(desk)
    assert announced.records[CONTACTS] == 12_000
    assert 0.9 < bench.box.count("list") / announced.requests < 1.1
    assert announced.share is not None


def spend(door: HubSpotDoor, requests: int) -> None:
    for _ in range(requests):
        door.account()


@pytest.mark.parametrize("before", [688, 690, 693, 696, 699])
def test_the_day_stops_at_seven_hundred_and_goes_on_after_midnight(
    set_up: SetUp, before: int
) -> None:
    """The daily limit is 1,000 with a reserve of 300, and the day is nearly used up."""
    bench = set_up(CONNECTOR_DAILY_RESERVE="300")
    wanted = mixed(bench.portal)
    audit = changed(bench.values(*wanted), wanted)
    bench.portal.switches.daily_limit = 1_000
    bench.portal.switches.enforce_limits = True
    waits: list[float] = []

    def wait(seconds: float) -> None:
        if seconds > 3600:
            waits.append(seconds)
            stopped_at.append(len(bench.box.requests))
        bench.portal.clock.advance(seconds)

    stopped_at: list[int] = []
    with bench.desk() as desk:
        door = desk.door
        assert isinstance(door, HubSpotDoor)
        spend(door, before - len(bench.box.requests))
        through_the_night(replace(desk, wait=wait), sync)

    assert len(waits) == 1
    assert 690 <= stopped_at[0] <= 706  # a batch that was begun is finished
    assert waits[0] == pytest.approx(13.5 * 3600, abs=120)  # 10:30 in Oslo
    assert bench.values(*wanted) == wanted
    assert bench.applied() == audit
    assert len(bench.audited()) == len(audit)


def test_reading_alone_stops_exactly_at_the_reserve(set_up: SetUp) -> None:
    bench = set_up(CONNECTOR_DAILY_RESERVE="300")
    bench.portal.switches.daily_limit = 1_000
    with bench.desk() as desk:
        door = desk.door
        assert isinstance(door, HubSpotDoor)
        with pytest.raises(LimitReached, match="midnight in Europe/Oslo"):
            spend(door, 1_000)
    assert len(bench.box.requests) == 700


def test_two_processes_on_one_database_keep_the_search_limit_together(set_up: SetUp) -> None:
    bench = set_up(new_portal(running=True))
    crowd(bench.portal, 1_000)
    with bench.desk() as desk:
        pull(desk)
    for one in bench.portal.records("contacts"):
        bench.portal.edit("contacts", str(one.id), {"lifecyclestage": "customer"})
    bench.portal.switches.enforce_limits = True
    bench.box.forget()
    # Neither goes on before both have begun to search.
    both, numbers = Barrier(2, timeout=30), count(1)

    def meet(request: Request) -> None:
        if request.route == "search" and next(numbers) <= 2:
            both.wait()

    bench.box.before = meet
    children = [start(bench, "pull", terms=Terms(waits=True)) for _ in range(2)]
    assert [one.wait() for one in children] == [0, 0]
    searches = [one.status for one in bench.box.requests if one.route == "search"]
    assert len(searches) >= 14
    assert 429 not in searches


@pytest.mark.long
def test_a_hundred_thousand_contacts_use_nine_tenths_of_what_we_may_take(set_up: SetUp) -> None:
    bench = set_up(new_portal(running=True))
    portal = bench.portal
    crowd(portal, 100_000)
    portal.switches.latency_seconds = 0.3
    portal.switches.enforce_limits = True
    with bench.desk() as desk:
        real = HubSpotDoor(TOKEN, bench.box.url, wait=time.sleep, monotonic=time.monotonic)
        real.live_within(Reserve(), desk.store.turns(desk.portal_id))
        bench.box.forget()
        began = time.monotonic()
        pull(replace(desk, door=real, wait=time.sleep))
        took = time.monotonic() - began
        real.close()
    requests = bench.box.requests
    sys.stdout.write(f"{len(requests)} requests in {took:.1f} s\n")
    assert not [one for one in requests if one.status == 429]
    assert len(requests) <= 1.1 * 1003
    assert len(requests) / took * 10 >= 0.9 * 0.95 * 190
    assert counted(bench) == 100_000


def test_backfill_corrects_like_a_sync(bench: Bench) -> None:
    wanted = mixed(bench.portal)
    with bench.desk() as desk:
        backfill(desk)
    assert bench.values(*wanted) == wanted
