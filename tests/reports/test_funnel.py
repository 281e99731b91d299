"""The report of the funnel: counts and conversions agree with a count by hand."""

from __future__ import annotations

from connector.core.model import ObjectType
from connector.reports.funnel import funnel_report
from tests.fakes.connected_portal import DAY, MQL, ConnectedPortal
from tests.reports.report_portal import make_report, rows_of


def fill(portal: ConnectedPortal) -> None:
    """In March two leads, of whom one becomes MQL at once and one opportunity in April.

    In April one more lead, and a contact without a stage.
    """
    first, second = portal.contact("lead"), portal.contact("lead")
    portal.api.advance(2 * DAY)
    portal.edit(first, lifecyclestage=MQL)
    portal.api.advance(30 * DAY)
    portal.edit(second, lifecyclestage="opportunity")
    portal.contact("lead")
    portal.contact()


def test_records_stand_where_they_stand_and_shares_are_of_all(portal: ConnectedPortal) -> None:
    fill(portal)
    rows = {row["stage"]: row for row in rows_of(make_report(portal, funnel_report))}
    assert [
        rows[stage]["records"] for stage in ("subscriber", "lead", MQL, "opportunity", None)
    ] == [
        0,
        1,
        1,
        1,
        1,
    ]
    assert rows["lead"] == {
        "stage": "lead",
        "records": 1,
        "share": 0.25,
        "ever_entered": 3,
        "next_stage": MQL,
        "moved_on": 2,
        "moved_on_share": 0.6667,
    }


def test_entries_are_counted_by_month(portal: ConnectedPortal) -> None:
    fill(portal)
    months = rows_of(make_report(portal, funnel_report), "months")
    assert [(row["month"], row["stage"], row["entered"]) for row in months] == [
        ("2026-04", "lead", 1),
        ("2026-04", "opportunity", 1),
        ("2026-03", "lead", 2),
        ("2026-03", MQL, 1),
    ]


def test_a_cohort_has_moved_on_where_a_stage_was_skipped_too(portal: ConnectedPortal) -> None:
    fill(portal)
    cohorts = rows_of(make_report(portal, funnel_report), "cohorts")
    leads = [row for row in cohorts if row["stage"] == "lead"]
    assert [(row["month"], row["entered"], row["moved_on"]) for row in leads] == [
        ("2026-04", 1, 0),
        ("2026-03", 2, 2),
    ]


def test_companies_have_a_funnel_of_their_own(portal: ConnectedPortal) -> None:
    fill(portal)
    portal.company("customer")
    report = make_report(portal, lambda context: funnel_report(context, ObjectType.COMPANIES))
    counts = {row["stage"]: row["records"] for row in rows_of(report) if row["records"]}
    assert counts == {"customer": 1}
