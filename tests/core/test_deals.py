"""Deals as evidence: won, lost, open, since when, and whether they count."""

from __future__ import annotations

import pytest

from connector.core.deals import DateSource, Deal, DealState
from connector.core.decide.facts import read_policy_deal
from connector.core.model import DealStage, Pipeline, Record, Version
from tests.core.builders import (
    CREATED,
    NOW,
    bind_policy,
    deal_record,
    open_deal,
    portal,
    read_deals,
    stage_history,
    utc_day,
    won_deal,
)

STAGES = (
    DealStage(id="open", label="", is_closed=False, probability=1.0),
    DealStage(id="won", label="", is_closed=True, probability=1.0),
    DealStage(id="lost", label="", is_closed=True, probability=0.0),
    DealStage(id="between", label="", is_closed=True, probability=0.4),
    DealStage(id="closed", label="", is_closed=True),
    DealStage(id="unsaid-won", label="", probability=1.0),
    DealStage(id="unsaid-lost", label="", probability=0.0),
    DealStage(id="unsaid", label="", probability=0.4),
    DealStage(id="nothing", label=""),
    DealStage(id="A-1", label="", is_closed=True, probability=0.0),
)
RENEWAL_PIPELINE = Pipeline(id="ours", label="Fornyelser", stages=STAGES)
OTHER_PIPELINE = Pipeline(
    id="theirs", label="Theirs", stages=(DealStage(id="won", label="", is_closed=False),)
)
POLICY = bind_policy(in_portal=portal(pipelines=(RENEWAL_PIPELINE, OTHER_PIPELINE)))


def _deal_in_renewals(stage: str, *history: Version, **properties: str) -> Deal:
    return read_policy_deal(
        POLICY, deal_record(stage, **{"pipeline": "ours", **properties}), history, now=NOW
    )


@pytest.mark.parametrize(
    ("stage", "state"),
    [
        ("open", "open"),
        ("won", "won"),
        ("lost", "lost"),
        ("between", "neither"),
        ("closed", "neither"),
        ("unsaid-won", "won"),
        ("unsaid-lost", "lost"),
        ("unsaid", "open"),
        ("nothing", "open"),
    ],
)
def test_a_deal_is_what_its_pipeline_says_of_its_stage(stage: str, state: str) -> None:
    assert _deal_in_renewals(stage).state == state


def test_the_same_stage_id_may_mean_another_thing_in_another_pipeline() -> None:
    assert _deal_in_renewals("won", pipeline="theirs").state is DealState.OPEN


def test_a_stage_of_another_pipeline_still_has_its_meaning() -> None:
    assert _deal_in_renewals("lost", pipeline="gone").state is DealState.LOST


@pytest.mark.parametrize(
    ("is_closed", "is_closed_won", "state"),
    [
        ("true", "true", "won"),
        ("true", "false", "lost"),
        ("false", "false", "open"),
        ("false", "", "open"),
        ("true", "", "neither"),
        ("", "", "neither"),
        ("", "true", "won"),
    ],
)
def test_a_stage_that_no_pipeline_lists_leaves_the_deals_own_properties(
    is_closed: str, is_closed_won: str, state: str
) -> None:
    assert (
        _deal_in_renewals(
            "archived-stage", hs_is_closed=is_closed, hs_is_closed_won=is_closed_won
        ).state
        == state
    )


def test_a_reopened_deal_was_won() -> None:
    evaluated = _deal_in_renewals(
        "open", *stage_history(("won", "2026-03-01"), ("open", "2026-04-02"))
    )
    assert (evaluated.was_won, evaluated.won_at, evaluated.entered_at) == (
        True,
        utc_day("2026-03-01"),
        utc_day("2026-04-02"),
    )
    assert evaluated.lost_at is None


def test_a_history_in_any_order_dates_the_present_stage_by_its_first_day() -> None:
    evaluated = _deal_in_renewals(
        "lost",
        *stage_history(("lost", "2026-05-02"), ("won", "2026-03-01"), ("lost", "2026-05-01")),
    )
    assert (evaluated.lost_at, evaluated.date_is_known, evaluated.was_won) == (
        utc_day("2026-05-01"),
        True,
        True,
    )


def test_a_history_that_lags_does_not_date_the_present_stage() -> None:
    evaluated = _deal_in_renewals(
        "lost", *stage_history(("open", "2026-05-02")), closedate="2026-05-20T00:00:00Z"
    )
    assert (evaluated.lost_at, evaluated.date_is_known) == (utc_day("2026-05-20"), False)


def test_the_portals_own_dates_serve_where_there_is_no_history() -> None:
    dated_by_current_stage = _deal_in_renewals(
        "lost", hs_v2_date_entered_current_stage="2026-05-03T00:00:00Z"
    )
    assert (dated_by_current_stage.lost_at, dated_by_current_stage.date_is_known) == (
        utc_day("2026-05-03"),
        True,
    )
    dated_by_own_stage = read_policy_deal(
        POLICY,
        deal_record("closedlost", hs_v2_date_entered_closedlost="1777852800000"),
        (),
        now=NOW,
    )
    assert (dated_by_own_stage.lost_at, dated_by_own_stage.date_is_known) == (
        utc_day("2026-05-04"),
        True,
    )


def test_undated_open_and_won_deals_are_dated_by_creation_and_close_date() -> None:
    assert _deal_in_renewals("open").entered_at == CREATED
    assert _deal_in_renewals("won", closedate="2026-02-01").won_at == utc_day("2026-02-01")
    assert _deal_in_renewals("won").won_at == CREATED
    assert not _deal_in_renewals("won").date_is_known


def test_the_date_property_of_a_stage_is_looked_up_by_its_small_letters() -> None:
    from connector.core.deals import read_deal_pipelines
    from connector.core.lint.default_portal import default_portal, definition
    from connector.core.model import ObjectType

    date_properties = {
        ObjectType.DEALS: [
            definition("hs_v2_date_entered_a_1_77", "datetime"),
            definition("hs_v2_date_entered_a_12", "datetime"),
            definition("hs_v2_date_entered_won", "datetime"),
        ]
    }
    book = read_deal_pipelines(
        default_portal(extra_properties=date_properties, pipelines=[RENEWAL_PIPELINE])
    )
    assert book.entered_properties == {
        "A-1": "hs_v2_date_entered_a_1_77",
        "won": "hs_v2_date_entered_won",
    }


def test_an_archived_deal_does_not_count() -> None:
    record, history = won_deal()
    archived = Record(
        ref=record.ref,
        properties=record.properties,
        modified_at=record.modified_at,
        created_at=record.created_at,
        archived=True,
    )
    assert not read_policy_deal(POLICY, archived, history, now=NOW).counts
    assert read_policy_deal(POLICY, record, history, now=NOW).counts


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("include: [Fornyelser]", [False, True]),
        ("exclude: [fornyelser]", [True, False]),
        ("{}", [True, True]),
    ],
)
def test_only_deals_of_some_pipelines_count(setting: str, expected: list[bool]) -> None:
    text = f"extends: standard\nsettings:\n  deals:\n    pipelines:\n      {setting}\n"
    policy = bind_policy(text, portal(pipelines=(RENEWAL_PIPELINE,)))
    renewal_deal = (deal_record("won", "8", pipeline="ours"), ())
    assert [
        evaluated.counts for evaluated in read_deals(policy, open_deal(), renewal_deal)
    ] == expected


@pytest.mark.parametrize(
    ("stage", "closedate", "entered_at", "source"),
    [
        ("won", "2026-05-20", "2026-05-20", DateSource.CLOSE_DATE),
        ("won", "2027-12-31", "2025-01-01", DateSource.CREATION),
        ("won", "", "2025-01-01", DateSource.CREATION),
        ("lost", "2026-05-20", "2026-05-20", DateSource.CLOSE_DATE),
        ("lost", "2027-12-31", "", DateSource.CREATION),
        ("open", "2026-05-20", "2025-01-01", DateSource.CREATION),
    ],
)
def test_a_close_date_in_the_future_dates_nothing(
    stage: str, closedate: str, entered_at: str, source: DateSource
) -> None:
    evaluated = _deal_in_renewals(stage, closedate=closedate)
    expected = utc_day(entered_at) if entered_at else None
    assert (evaluated.entered_at, evaluated.date_source) == (expected, source)


def test_a_history_dates_a_deal_whatever_its_close_date_says() -> None:
    evaluated = _deal_in_renewals(
        "won", *stage_history(("won", "2026-01-10")), closedate="2027-12-31"
    )
    assert (evaluated.won_at, evaluated.date_source) == (utc_day("2026-01-10"), DateSource.STAGE)
