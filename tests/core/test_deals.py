"""What deals prove: won, lost, open, since when, and whether they count."""

from __future__ import annotations

import pytest

from connector.core.deals import Deal, DealState
from connector.core.facts import deal
from connector.core.model import DealStage, Pipeline, Record, Version
from tests.core.givens import CREATED, bound, deal_record, on, opened, portal, read, went, won

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
OURS = Pipeline(id="ours", label="Fornyelser", stages=STAGES)
THEIRS = Pipeline(
    id="theirs", label="Theirs", stages=(DealStage(id="won", label="", is_closed=False),)
)
POLICY = bound(on=portal(pipelines=(OURS, THEIRS)))


def _deal(stage: str, *history: Version, **more: str) -> Deal:
    return deal(POLICY, deal_record(stage, **{"pipeline": "ours", **more}), history)


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
    assert _deal(stage).state == state


def test_the_same_stage_id_may_mean_another_thing_in_another_pipeline() -> None:
    assert _deal("won", pipeline="theirs").state is DealState.OPEN


def test_a_stage_of_another_pipeline_still_has_its_meaning() -> None:
    assert _deal("lost", pipeline="gone").state is DealState.LOST


@pytest.mark.parametrize(
    ("closed", "won_", "state"),
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
def test_a_stage_that_no_pipeline_lists_leaves_the_deals_own_word(
    closed: str, won_: str, state: str
) -> None:
    assert _deal("archived-stage", hs_is_closed=closed, hs_is_closed_won=won_).state == state


def test_a_reopened_deal_was_won() -> None:
    found = _deal("open", *went(("won", "2026-03-01"), ("open", "2026-04-02")))
    assert (found.was_won, found.won_at, found.entered_at) == (
        True,
        on("2026-03-01"),
        on("2026-04-02"),
    )
    assert found.lost_at is None


def test_a_history_in_any_order_dates_the_present_stage_by_its_first_day() -> None:
    found = _deal(
        "lost", *went(("lost", "2026-05-02"), ("won", "2026-03-01"), ("lost", "2026-05-01"))
    )
    assert (found.lost_at, found.dated, found.was_won) == (on("2026-05-01"), True, True)


def test_a_history_that_lags_does_not_date_the_present_stage() -> None:
    found = _deal("lost", *went(("open", "2026-05-02")), closedate="2026-05-20T00:00:00Z")
    assert (found.lost_at, found.dated) == (on("2026-05-20"), False)


def test_the_portals_own_dates_serve_where_there_is_no_history() -> None:
    current = _deal("lost", hs_v2_date_entered_current_stage="2026-05-03T00:00:00Z")
    assert (current.lost_at, current.dated) == (on("2026-05-03"), True)
    own = deal(POLICY, deal_record("closedlost", hs_v2_date_entered_closedlost="1777852800000"), ())
    assert (own.lost_at, own.dated) == (on("2026-05-04"), True)


def test_dates_of_open_and_won_deals_are_guessed_where_nobody_knows() -> None:
    assert _deal("open").entered_at == CREATED
    assert _deal("won", closedate="2026-02-01").won_at == on("2026-02-01")
    assert _deal("won").won_at is None
    assert not _deal("won").dated


def test_the_date_property_of_a_stage_is_looked_up_by_its_small_letters() -> None:
    from connector.core.deals import deal_book
    from connector.core.default_portal import default_portal, definition
    from connector.core.model import ObjectType

    more = {
        ObjectType.DEALS: [
            definition("hs_v2_date_entered_a_1_77", "datetime"),
            definition("hs_v2_date_entered_a_12", "datetime"),
            definition("hs_v2_date_entered_won", "datetime"),
        ]
    }
    book = deal_book(default_portal(more=more, pipelines=[OURS]))
    assert book.entered == {"A-1": "hs_v2_date_entered_a_1_77", "won": "hs_v2_date_entered_won"}


def test_an_archived_deal_does_not_count() -> None:
    record, history = won()
    archived = Record(
        ref=record.ref,
        properties=record.properties,
        modified_at=record.modified_at,
        created_at=record.created_at,
        archived=True,
    )
    assert not deal(POLICY, archived, history).counts
    assert deal(POLICY, record, history).counts


@pytest.mark.parametrize(
    ("setting", "counted"),
    [
        ("include: [Fornyelser]", [False, True]),
        ("exclude: [fornyelser]", [True, False]),
        ("{}", [True, True]),
    ],
)
def test_only_deals_of_some_pipelines_count(setting: str, counted: list[bool]) -> None:
    text = f"extends: standard\nsettings:\n  deals:\n    pipelines:\n      {setting}\n"
    policy = bound(text, portal(pipelines=(OURS,)))
    ours = (deal_record("won", "8", pipeline="ours"), ())
    assert [one.counts for one in read(policy, opened(), ours)] == counted
