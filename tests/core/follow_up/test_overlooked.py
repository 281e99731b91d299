"""Which contacts are overlooked: sales-ready for longer than the policy allows, without work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.config.presets import policy_text
from connector.core.binding.bind import bind, needed_properties
from connector.core.follow_up.overlooked import (
    ENTERED_CURRENT_STAGE,
    FollowUpTerms,
    MissingFollowUp,
    entered_stage_at,
    follow_up_terms,
    overlooked_contact,
)
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref, Version
from connector.core.policy.load import load_policy
from connector.core.problem import PolicyError

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SQL, MQL = "salesqualifiedlead", "marketingqualifiedlead"
ANNA = Ref(ObjectType.CONTACTS, "1")
ACTIVITY = "notes_last_contacted"
TERMS = FollowUpTerms(
    wait_times={SQL: 5 * DAY},
    sales_stages=frozenset({SQL}),
    verdicts=frozenset({"UNQUALIFIED"}),
    untouched_statuses=frozenset({"", "NEW"}),
    activity_property="",
)
TERMS_WITH_ACTIVITY = replace(TERMS, activity_property=ACTIVITY)
WORKED_ON = {STATUS: "CONNECTED", "hubspot_owner_id": "76000001"}


def contact(stage: str = SQL, **properties: str | None) -> Record:
    return Record(
        ref=ANNA,
        properties={STAGE: stage, **properties},
        modified_at=NOW - 20 * DAY,
        created_at=NOW - 100 * DAY,
    )


def version(value: str, age: timedelta, source_type: str = "CRM_UI") -> Version:
    return Version(value=value, at=NOW - age, source_type=source_type)


@pytest.mark.parametrize(
    ("properties", "missing"),
    [
        (WORKED_ON, None),
        ({**WORKED_ON, STATUS: None}, (MissingFollowUp.STATUS,)),
        ({**WORKED_ON, STATUS: "NEW"}, (MissingFollowUp.STATUS,)),
        ({**WORKED_ON, "hubspot_owner_id": None}, (MissingFollowUp.OWNER,)),
        ({}, (MissingFollowUp.STATUS, MissingFollowUp.OWNER)),
        ({STATUS: "UNQUALIFIED"}, None),
    ],
)
def test_a_contact_without_work_or_owner_is_overlooked_unless_a_verdict_was_given(
    properties: dict[str, str | None], missing: tuple[MissingFollowUp, ...] | None
) -> None:
    finding = overlooked_contact(TERMS, contact(**properties), NOW - 6 * DAY, NOW)
    assert (finding.missing_follow_up if finding else None) == missing


def test_nobody_is_overlooked_before_the_days_are_over() -> None:
    assert overlooked_contact(TERMS, contact(), NOW - 5 * DAY, NOW) is None
    finding = overlooked_contact(TERMS, contact(), NOW - 5 * DAY - timedelta(seconds=1), NOW)
    assert finding is not None
    assert (finding.since_is_exact, finding.status, finding.owner) == (True, "", "")


def test_other_stages_wait_for_nobody() -> None:
    assert overlooked_contact(TERMS, contact(MQL), NOW - 60 * DAY, NOW) is None


@pytest.mark.parametrize(
    ("last_activity", "missing"),
    [
        (None, (MissingFollowUp.ACTIVITY,)),
        ((NOW - 7 * DAY).isoformat(), (MissingFollowUp.ACTIVITY,)),
        ((NOW - 3 * DAY).isoformat(), None),
    ],
)
def test_only_an_activity_since_the_stage_began_is_a_follow_up(
    last_activity: str | None, missing: tuple[MissingFollowUp, ...] | None
) -> None:
    record = contact(**WORKED_ON, **{ACTIVITY: last_activity})
    finding = overlooked_contact(TERMS_WITH_ACTIVITY, record, NOW - 6 * DAY, NOW)
    assert (finding.missing_follow_up if finding else None) == missing


def test_who_entered_nobody_knows_when_waits_at_least_since_the_last_change() -> None:
    finding = overlooked_contact(TERMS, contact(), None, NOW)
    assert finding is not None
    assert (finding.since, finding.since_is_exact) == (NOW - 20 * DAY, False)


def _time_in_stage(hubspot_age: timedelta | None, *versions: Version) -> timedelta | None:
    date = None if hubspot_age is None else (NOW - hubspot_age).isoformat()
    entered_at = entered_stage_at(
        contact(**{ENTERED_CURRENT_STAGE: date}), versions, mirror_source="MIRROR"
    )
    return None if entered_at is None else NOW - entered_at


def test_a_stage_began_when_hubspot_or_the_ledger_says_so() -> None:
    assert _time_in_stage(None) is None
    assert _time_in_stage(9 * DAY) == 9 * DAY
    assert _time_in_stage(None, version(SQL, 8 * DAY)) == 8 * DAY
    assert _time_in_stage(None, version(SQL, 8 * DAY, "MIRROR")) == 8 * DAY


def test_our_own_write_counts_before_hubspots_date_is_mirrored() -> None:
    assert _time_in_stage(9 * DAY, version(SQL, DAY, "CONNECTOR"), version(MQL, 9 * DAY)) == DAY


def test_hubspots_date_counts_where_the_mirror_only_saw_the_stage() -> None:
    assert _time_in_stage(9 * DAY, version(SQL, DAY, "MIRROR")) == 9 * DAY


def test_a_ledger_that_ends_in_another_stage_says_nothing() -> None:
    assert _time_in_stage(9 * DAY, version(MQL, DAY)) == 9 * DAY


PORTAL = default_portal(
    statuses={"NEW": "Neu", "FRESH": "Frisch", "BAD_TIMING": "Später"},
    extra_properties={
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
    policy = bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)
    assert follow_up_terms(policy, PORTAL) == FollowUpTerms(
        wait_times={"lead": 3 * DAY, SQL: 3 * DAY},
        sales_stages=frozenset({"lead", SQL}),
        verdicts=frozenset({"BAD_TIMING"}),
        untouched_statuses=frozenset({"", "FRESH"}),
        activity_property=ACTIVITY,
    )
    assert ACTIVITY in needed_properties(policy, PORTAL)[ObjectType.CONTACTS]


@pytest.mark.parametrize(
    ("name", "message"),
    [("vip", "vip is a text, an activity is a time"), ("nots", "contacts have no property")],
)
def test_an_activity_that_is_no_date_is_refused_by_its_place(name: str, message: str) -> None:
    text = f"extends: standard\nsettings: {{follow_up: {{activity: {name}}}}}"
    with pytest.raises(PolicyError, match=f"test.yaml:2:34: {message}"):
        bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)


def test_a_stage_may_have_a_term_of_its_own() -> None:
    text = (
        "extends: standard\nsettings: {follow_up: {terms: "
        "{salesqualifiedlead: 2 days, marketingqualifiedlead: 14}}}"
    )
    policy = bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)
    assert follow_up_terms(policy, PORTAL).wait_times == {SQL: 2 * DAY, MQL: 14 * DAY}


def test_with_a_condition_who_fits_counts_before_sales_takes_over() -> None:
    text = "extends: standard\nsettings: {follow_up: {fit: 'contact.vip == \"yes\"'}}"
    policy = bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)
    assert follow_up_terms(policy, PORTAL).wait_times == {SQL: 5 * DAY, MQL: 5 * DAY}
    assert "vip" in needed_properties(policy, PORTAL)[ObjectType.CONTACTS]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("terms: {salesqualifiedlead: soon}", "is a number of days such as 5, or `5 days`"),
        ("terms: {nostage: 5}", "nostage"),
        ("terms: {Lead: 5, lead: 6}", "once more"),
        ("fit: contact.nothing == 1", "no property 'nothing'"),
    ],
)
def test_terms_that_cannot_be_are_refused(setting: str, message: str) -> None:
    text = f"extends: standard\nsettings: {{follow_up: {{{setting}}}}}"
    with pytest.raises(PolicyError, match=message):
        bind(load_policy(text, source="test.yaml", preset_text=policy_text), PORTAL)


def test_who_fits_waits_for_somebody_to_take_it_over_whatever_its_status() -> None:
    terms = replace(TERMS, wait_times={SQL: 5 * DAY, MQL: 14 * DAY})
    waiting = contact(MQL, **WORKED_ON)
    finding = overlooked_contact(terms, waiting, NOW - 15 * DAY, NOW)
    assert finding is not None
    assert finding.missing_follow_up == (MissingFollowUp.HANDOVER,)
    assert finding.term == 14 * DAY
    assert overlooked_contact(terms, waiting, NOW - 13 * DAY, NOW) is None
