"""Charts have the heights, widths and places of their figures, and a table with the same ones."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from connector.operations.check_up import store_check_up
from connector.operations.finding import CheckResult, Finding
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.reports.table import Report
from connector.reports.velocity import COLUMNS as VELOCITY_COLUMNS
from connector.web.dashboard.charts import (
    age_chart,
    column_chart,
    duration_chart,
    funnel_chart,
    month_charts,
)
from tests.fakes.connected_portal import OPEN, ConnectedPortal
from tests.web.dashboard.test_pages import SCRIPT, get, source_of


def report(name: str, columns: tuple[str, ...], *rows: tuple[object, ...]) -> Report:
    return Report(name=name, title=name, columns=columns, rows=rows)  # type: ignore[arg-type]  # cells of a test


def label(value: str | None) -> str:
    return (value or "blank").upper()


def funnel(*rows: tuple[object, ...], months: Report | None = None) -> Report:
    columns = ("stage", "ever_entered", "next_stage", "moved_on", "moved_on_share")
    sections = (months,) if months else ()
    return replace(report("funnel", columns, *rows), sections=sections)


def overlooked(*waits: tuple[int, str | None]) -> Report:
    rows = [((date(2026, 3, 1) - timedelta(days)).isoformat(), owner) for days, owner in waits]
    return report("overlooked", ("since", "owner_id"), *rows)


def test_columns_are_as_high_as_their_counts_and_stand_on_each_other() -> None:
    chart = column_chart([("a", {"x": 10, "y": 30}), ("b", {})], ["x", "y"])
    assert chart
    lower, upper = chart.columns[0].segments
    assert upper.height == pytest.approx(3 * lower.height)
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert chart.ticks == ((0, 192), *chart.ticks[1:-1], (40, 12))
    assert upper.y == pytest.approx(chart.ticks[-1][1])
    assert [part.height for part in chart.columns[1].segments] == [0, 0]


def test_a_chart_of_nothing_is_not_drawn() -> None:
    assert column_chart([("a", {"x": 0})], ["x"]) is None
    assert column_chart([], ["x"]) is None
    assert funnel_chart(funnel(("lead", 0, None, None, None)), label) is None
    assert duration_chart(report("velocity", VELOCITY_COLUMNS), label) is None
    assert age_chart(overlooked(), date(2026, 3, 1)) is None


@pytest.mark.parametrize("highest", [1, 3, 4, 5, 39, 41, 999, 1_000_001])
def test_the_axis_is_round_and_not_lower_than_the_highest_column(highest: int) -> None:
    chart = column_chart([("a", {"x": highest})], ["x"])
    assert chart
    tick_values = [tick for tick, _ in chart.ticks]
    assert tick_values[-2] < highest <= tick_values[-1]
    assert len(tick_values) <= 5


def test_of_many_columns_the_newest_has_its_name_and_not_all_have() -> None:
    chart = column_chart([(str(week), {"x": 1}) for week in range(12)], ["x"])
    assert chart
    assert [column.label for column in chart.columns[-4:]] == ["", "9", "", "11"]


def test_the_funnel_is_as_wide_as_its_entries_and_flows_into_the_next_stage() -> None:
    chart = funnel_chart(
        funnel(
            ("lead", 200, "mql", 50, 0.25),
            ("mql", 100, None, None, None),
            ("other", 5, None, None, None),
        ),
        label,
    )
    assert chart
    lead, mql = chart.stages
    assert lead.width == pytest.approx(2 * mql.width)
    assert (lead.moved_on, lead.share, mql.flow) == (50, 0.25, "")
    corners = [tuple(map(float, point.split(","))) for point in lead.flow.split()]
    assert corners[1][0] - corners[0][0] == pytest.approx(lead.width)
    assert corners[2][0] - corners[3][0] == pytest.approx(lead.width / 4)


def test_a_stage_that_is_not_left_yet_has_an_open_end() -> None:
    rows = [
        (None, stage, 3, 1, 0, *days)
        for stage, *days in (
            ("lead", 1.0, 5.0, 10.0),
            ("mql", 2.0, None, None),
            ("customer", None, None, None),
        )
    ]
    chart = duration_chart(report("velocity", VELOCITY_COLUMNS, *rows), label)
    assert chart
    lead, mql = chart.rows
    assert lead.start and lead.median and lead.end
    assert (lead.end - lead.start) / (lead.median - lead.start) == pytest.approx(9 / 4)
    assert (mql.median, mql.end, mql.days) == (None, None, (2.0, None, None))


def test_entries_are_drawn_by_month_for_each_stage_that_was_entered() -> None:
    months = report(
        "months", ("month", "stage", "entered"), ("2026-02", "lead", 4), ("2026-01", "lead", 2)
    )
    rows = (("lead", 6, "mql", 0, 0.0), ("mql", 0, None, None, None))
    [(name, chart)] = month_charts(funnel(*rows, months=months), label)
    assert (name, [column.name for column in chart.columns]) == ("LEAD", ["2026-01", "2026-02"])
    assert [column.label for column in chart.columns] == ["26-01", "26-02"]


def test_overlooked_contacts_are_counted_by_age_and_owner() -> None:
    waits = overlooked((0, "1"), (6, None), (7, "1"), (89, "1"), (90, None), (400, None))
    chart = age_chart(waits, date(2026, 3, 1))
    assert chart
    counts = {column.name: [part.count for part in column.segments] for column in chart.columns}
    assert counts == {"0-6": [1, 1], "7-29": [1, 0], "30-89": [1, 0], "90+": [0, 2]}


def test_today_draws_what_ended_in_each_week_with_the_same_figures_in_a_table(
    portal: ConnectedPortal,
) -> None:
    contacts = [portal.contact("lead") for _ in range(3)]
    for contact in contacts:
        portal.deal(OPEN, contact)
    pull(portal.context())
    sync(portal.context())
    source = source_of(portal)
    earlier = replace(source, now=source.now + timedelta(weeks=2))
    for week, seen_from in ((11, source), (9, earlier)):
        body = get(seen_from, "/").body
        columns = re.findall(r"<title>[\d-]+: (\d+) corrected, 0 not written", body)
        assert len(columns) == 12
        assert [number for number, text in enumerate(columns) if text != "0"] == [week]
        table = body[body.index("Week until") : body.index("</table>")]
        assert columns == re.findall(r'number">(\d+)</td></tr>', table)


def test_before_anything_ended_today_says_so(portal: ConnectedPortal) -> None:
    body = get(source_of(portal), "/").body
    assert "No correction ended in the last 12 weeks." in body


def test_the_page_of_a_check_up_shows_the_last_one_as_text(portal: ConnectedPortal) -> None:
    source = source_of(portal)
    assert "type <code>connector check</code>" in get(source, "/check-up").body
    for message in ("an older one", f"a newer one {SCRIPT}"):
        findings = [Finding(name="token", result=CheckResult.FAIL, message=message)]
        with portal.store.begin(source.portal_id) as session:
            store_check_up(session, findings, at=source.now)
    body = get(source, "/check-up").body
    assert ("a newer one" in body, "an older one" in body) == (True, False)
    assert "<script" not in body
    assert "✗ wrong" in body
