"""The report of velocity: records still inside count, and the figures agree with a hand count."""

from __future__ import annotations

import pytest

from connector.errors import UserError
from connector.reports.velocity import velocity_report
from tests.fakes.connected_portal import DAY, MQL, ConnectedPortal
from tests.reports.report_portal import make_report, rows_of


def fill(portal: ConnectedPortal) -> None:
    """Five leads: three become MQL after 2, 4 and 8 days; two stay, for 10 and 3 days so far."""
    two_days, four_days, eight_days = (
        portal.contact("lead", hubspot_owner_id=owner) for owner in ("1", "1", "2")
    )
    portal.contact("lead", hubspot_owner_id="2")
    portal.api.advance(2 * DAY)
    portal.edit(two_days, lifecyclestage=MQL)
    portal.api.advance(2 * DAY)
    portal.edit(four_days, lifecyclestage=MQL)
    portal.api.advance(3 * DAY)
    portal.contact("lead", hubspot_owner_id="2")
    portal.api.advance(DAY)
    portal.edit(eight_days, lifecyclestage=MQL)
    portal.api.advance(2 * DAY)


def test_time_in_a_stage_agrees_with_kaplan_and_meier_by_hand(portal: ConnectedPortal) -> None:
    fill(portal)
    lead, mql = rows_of(make_report(portal, velocity_report))
    # Shares that stay longer: 4/5 after 2 days, 8/15 after 4, 4/15 after 8. So a quarter has left
    # after 4 days and a half after 8; that three quarters have left cannot be said yet.
    assert lead == {
        "group": None,
        "stage": "lead",
        "stays": 5,
        "still_inside": 2,
        "start_unknown": 0,
        "quarter_days": 4,
        "median_days": 8,
        "three_quarters_days": None,
    }
    assert (mql["stage"], mql["stays"], mql["still_inside"], mql["median_days"]) == (
        MQL,
        3,
        3,
        None,
    )


def test_time_from_stage_to_stage_counts_who_has_not_come_yet(portal: ConnectedPortal) -> None:
    fill(portal)
    steps = rows_of(make_report(portal, velocity_report), "steps")
    lead_to_mql = next(row for row in steps if row["stage"] == "lead")
    assert lead_to_mql == {
        "group": None,
        "stage": "lead",
        "next_stage": MQL,
        "entered": 5,
        "not_yet": 2,
        "quarter_days": 4,
        "median_days": 8,
        "three_quarters_days": None,
    }


def test_groups_are_counted_apart(portal: ConnectedPortal) -> None:
    fill(portal)
    report = make_report(portal, lambda context: velocity_report(context, by="hubspot_owner_id"))
    leads = [row for row in rows_of(report) if row["stage"] == "lead"]
    assert [(row["group"], row["stays"], row["median_days"]) for row in leads] == [
        ("1", 2, 2),
        ("2", 3, 8),
    ]


def test_a_group_that_is_not_mirrored_is_a_mistake_that_names_what_is(
    portal: ConnectedPortal,
) -> None:
    fill(portal)
    with pytest.raises(UserError, match=r"--by country: .*hubspot_owner_id"):
        make_report(portal, lambda context: velocity_report(context, by="country"))


def test_stays_that_began_before_anything_is_known_are_counted_apart(
    portal: ConnectedPortal,
) -> None:
    fill(portal)
    report = make_report(portal, velocity_report, with_histories=False)
    assert all(row["start_unknown"] == row["stays"] or row["stays"] == 0 for row in rows_of(report))
    assert "connector history load" in report.notes[0]


def test_a_stay_that_the_mirror_saw_begin_is_known_without_a_history(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    make_report(portal, velocity_report, with_histories=False)
    portal.api.advance(DAY)
    portal.edit(contact, lifecyclestage=MQL)
    portal.api.advance(DAY)
    report = make_report(portal, velocity_report, with_histories=False)
    mql = next(row for row in rows_of(report) if row["stage"] == MQL)
    assert (mql["stays"], mql["still_inside"], mql["start_unknown"]) == (1, 1, 0)
