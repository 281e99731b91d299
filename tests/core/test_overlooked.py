"""Who is overlooked: sales-ready, for longer than the policy allows, and nobody at work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.core.binding import bind, needed_properties
from connector.core.default_portal import default_portal, definition
from connector.core.mark import PolicyError
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref, Version
from connector.core.overlooked import ENTERED, Lack, Terms, entered, overlooked, terms_of
from connector.core.policy import load
from connector.presets import preset

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SQL, MQL = "salesqualifiedlead", "marketingqualifiedlead"
ANNA = Ref(ObjectType.CONTACTS, "1")
ACTIVITY = "notes_last_contacted"
TERMS = Terms(
    stages=frozenset({SQL}),
    verdicts=frozenset({"UNQUALIFIED"}),
    untouched=frozenset({"", "NEW"}),
    patience=5 * DAY,
    activity="",
)
TRACKED = replace(TERMS, activity=ACTIVITY)
AT_WORK = {STATUS: "CONNECTED", "hubspot_owner_id": "76000001"}


def contact(stage: str = SQL, **properties: str | None) -> Record:
    return Record(
        ref=ANNA,
        properties={STAGE: stage, **properties},
        modified_at=NOW - 20 * DAY,
        created_at=NOW - 100 * DAY,
    )


def version(value: str, ago: timedelta, source_type: str = "CRM_UI") -> Version:
    return Version(value=value, at=NOW - ago, source_type=source_type)


@pytest.mark.parametrize(
    ("properties", "lacks"),
    [
        (AT_WORK, None),
        ({**AT_WORK, STATUS: None}, (Lack.STATUS,)),
        ({**AT_WORK, STATUS: "NEW"}, (Lack.STATUS,)),
        ({**AT_WORK, "hubspot_owner_id": None}, (Lack.OWNER,)),
        ({}, (Lack.STATUS, Lack.OWNER)),
        ({STATUS: "UNQUALIFIED"}, None),
    ],
)
def test_a_contact_without_work_or_owner_is_overlooked_unless_a_verdict_was_given(
    properties: dict[str, str | None], lacks: tuple[Lack, ...] | None
) -> None:
    found = overlooked(TERMS, contact(**properties), NOW - 6 * DAY, NOW)
    assert (found.lacks if found else None) == lacks


def test_nobody_is_overlooked_before_the_days_are_over() -> None:
    assert overlooked(TERMS, contact(), NOW - 5 * DAY, NOW) is None
    found = overlooked(TERMS, contact(), NOW - 5 * DAY - timedelta(seconds=1), NOW)
    assert found is not None
    assert (found.exact, found.status, found.owner) == (True, "", "")


def test_other_stages_wait_for_nobody() -> None:
    assert overlooked(TERMS, contact(MQL), NOW - 60 * DAY, NOW) is None


@pytest.mark.parametrize(
    ("last", "lacks"),
    [
        (None, (Lack.ACTIVITY,)),
        ((NOW - 7 * DAY).isoformat(), (Lack.ACTIVITY,)),
        ((NOW - 3 * DAY).isoformat(), None),
    ],
)
def test_only_an_activity_since_the_stage_began_is_a_follow_up(
    last: str | None, lacks: tuple[Lack, ...] | None
) -> None:
    record = contact(**AT_WORK, **{ACTIVITY: last})
    found = overlooked(TRACKED, record, NOW - 6 * DAY, NOW)
    assert (found.lacks if found else None) == lacks


def test_who_entered_nobody_knows_when_waits_at_least_since_the_last_change() -> None:
    found = overlooked(TERMS, contact(), None, NOW)
    assert found is not None
    assert (found.since, found.exact) == (NOW - 20 * DAY, False)


def _entered(told: timedelta | None, *versions: Version) -> timedelta | None:
    date = None if told is None else (NOW - told).isoformat()
    found = entered(contact(**{ENTERED: date}), versions, seen="MIRROR")
    return None if found is None else NOW - found


def test_a_stage_began_when_hubspot_or_the_ledger_says_so() -> None:
    assert _entered(None) is None
    assert _entered(9 * DAY) == 9 * DAY
    assert _entered(None, version(SQL, 8 * DAY)) == 8 * DAY
    assert _entered(None, version(SQL, 8 * DAY, "MIRROR")) == 8 * DAY


def test_our_own_write_counts_before_hubspots_date_is_mirrored() -> None:
    assert _entered(9 * DAY, version(SQL, DAY, "CONNECTOR"), version(MQL, 9 * DAY)) == DAY


def test_hubspots_date_counts_where_the_mirror_only_saw_the_stage() -> None:
    assert _entered(9 * DAY, version(SQL, DAY, "MIRROR")) == 9 * DAY


def test_a_ledger_that_ends_in_another_stage_says_nothing() -> None:
    assert _entered(9 * DAY, version(MQL, DAY)) == 9 * DAY


PORTAL = default_portal(
    statuses={"NEW": "Neu", "FRESH": "Frisch", "BAD_TIMING": "Später"},
    more={
        ObjectType.CONTACTS: [definition(ACTIVITY, "datetime"), definition("vip", "string")],
        ObjectType.COMPANIES: [],
        ObjectType.DEALS: [],
    },
)


def test_a_policy_says_when_in_the_words_of_the_portal() -> None:
    text = (
        "extends: standard\nsettings: {lead_status: {applies_to: [Lead, salesqualifiedlead]}, "
        f"follow_up: {{days: 3, statuses: [Frisch], activity: {ACTIVITY}}}}}"
    )
    policy = bind(load(text, source="test.yaml", preset=preset), PORTAL)
    assert terms_of(policy, PORTAL) == Terms(
        stages=frozenset({"lead", SQL}),
        verdicts=frozenset({"BAD_TIMING"}),
        untouched=frozenset({"", "FRESH"}),
        patience=3 * DAY,
        activity=ACTIVITY,
    )
    assert ACTIVITY in needed_properties(policy, PORTAL)[ObjectType.CONTACTS]


@pytest.mark.parametrize(
    ("name", "message"),
    [("vip", "vip is a text, an activity is a time"), ("nots", "contacts have no property")],
)
def test_an_activity_that_is_no_date_is_refused_by_its_place(name: str, message: str) -> None:
    text = f"extends: standard\nsettings: {{follow_up: {{activity: {name}}}}}"
    with pytest.raises(PolicyError, match=f"test.yaml:2:34: {message}"):
        bind(load(text, source="test.yaml", preset=preset), PORTAL)
