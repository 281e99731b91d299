"""A page waits for no long count: it shows the one before, and says when that was counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from connector.errors import UserError
from connector.pull.poll import pull
from connector.web.dashboard.counted_reports import CountedReport, CountedReports
from connector.web.dashboard.source import DashboardSource
from tests.fakes.connected_portal import START, ConnectedPortal
from tests.journeys.live_daemon import wait_until
from tests.web.asgi_client import FakeDaemon, send_request
from tests.web.dashboard.test_pages import source_of

LONG = 60.0


class Clock:
    """A clock that moves when a count begins, and when a test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def counting(results: list[str], clock: Clock, seconds: float = 1) -> Callable[..., dict[str, Any]]:
    """Return a function that counts a report in so many seconds, and says that it was called."""

    def count(source: DashboardSource) -> dict[str, Any]:
        clock.seconds += seconds
        results.append("counted")
        return {"title": str(len(results))}

    return count


def title(counted: CountedReport | None) -> str:
    assert counted
    return str(counted.page["title"])


def test_a_count_rests_ten_times_as_long_as_it_took(portal: ConnectedPortal) -> None:
    clock, results = Clock(), list[str]()
    reports, source = CountedReports(clock, patience=LONG), source_of(portal)
    count = counting(results, clock)
    assert title(reports.read("r", count, source)) == "1"
    clock.seconds += 9.9
    assert title(reports.read("r", count, source)) == "1"
    clock.seconds += 0.2
    assert title(reports.read("r", count, source)) == "2"
    assert results == ["counted"] * 2


def test_while_a_report_is_counted_the_one_before_is_shown_and_nothing_is_counted_twice(
    portal: ConnectedPortal,
) -> None:
    clock, results, go_on = Clock(), list[str](), Event()
    reports, source = CountedReports(clock, patience=0), source_of(portal)

    def count(of: DashboardSource) -> dict[str, Any]:
        assert go_on.wait(LONG)
        return counting(results, clock)(of)

    assert reports.read("r", count, source) is None
    assert reports.read("r", count, source) is None
    running = next(iter(reports._running.values()))
    go_on.set()
    first = running.result(LONG)
    go_on.clear()
    clock.seconds += 100
    later = replace(source, now=source.now + timedelta(hours=1))
    shown = reports.read("r", count, later)
    assert shown == first
    assert shown.counted_at == source.now
    assert results == ["counted"]
    go_on.set()


def test_a_count_by_another_policy_is_not_shown(portal: ConnectedPortal) -> None:
    clock, results = Clock(), list[str]()
    reports, source = CountedReports(clock, patience=LONG), source_of(portal)
    count = counting(results, clock)
    reports.read("r", count, source)
    by_churn = replace(source, policy=portal.context("extends: churn\n").policy)
    assert title(reports.read("r", count, by_churn)) == "2"
    assert title(reports.read("r", count, source)) == "3"


def test_a_count_that_fails_is_told_to_who_asked_and_tried_again(portal: ConnectedPortal) -> None:
    clock, results = Clock(), list[str]()
    reports, source = CountedReports(clock, patience=LONG), source_of(portal)

    def fail(of: DashboardSource) -> dict[str, Any]:
        raise UserError("nothing is mirrored")

    with pytest.raises(UserError, match="nothing is mirrored"):
        reports.read("r", fail, source)
    assert title(reports.read("r", counting(results, clock), source)) == "1"


def test_a_page_whose_report_is_counted_for_the_first_time_says_so_and_shows_it_later(
    portal: ConnectedPortal,
) -> None:
    portal.contact("lead")
    pull(portal.context())
    app = FakeDaemon(dashboard_source=source_of(portal), report_seconds=0).app()

    def body() -> str:
        headers = {"Host": "127.0.0.1:8080"}
        answer = send_request(app, "GET", "/reports/hygiene", headers=headers)
        assert answer.status == 200
        return answer.body

    # The first count may be under way, or just over.
    assert "is being counted for the first time" in body() or "Score: 100.0%" in body()
    wait_until(lambda: "Score: 100.0%" in body())
    assert f"Counted at {START:%Y-%m-%d %H:%M}" in body()
