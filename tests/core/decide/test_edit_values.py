"""Who set stage and lead status, and when; and which records need their histories."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.decide.history_needs import needs_edit_history
from connector.core.model import STAGE, STATUS, Record, Version
from tests.core.builders import (
    NOW,
    POLICY_WITH_SCORE,
    bind_policy,
    contact,
    facts_about,
    open_deal,
    policy_with_rule,
    utc_day,
    with_status_by,
)

POLICY = bind_policy()
DEMO = {
    "recent_conversion_event_name": "Demo",
    "recent_conversion_date": "2026-05-20",
    "num_conversion_events": "1",
}


def with_stages(record: Record, *versions: tuple[str, str], source: str = "CRM_UI") -> Record:
    """Return a record with a history of its stage: each stage with its day, newest first."""
    history = tuple(
        Version(value=stage, at=utc_day(day), source_type=source) for stage, day in versions
    )
    return replace(record, history={**record.history, STAGE: history})


@pytest.mark.parametrize(
    ("source", "by_person"),
    [
        ("CRM_UI", True),
        ("MOBILE_IOS", True),
        ("CRM_UI_BULK_ACTION", True),
        ("AUTOMATION_PLATFORM", False),
        ("INTEGRATION", False),
        ("IMPORT", False),
        ("MIRROR", True),
        ("", True),
    ],
)
def test_an_unknown_author_of_a_status_counts_as_a_person(source: str, by_person: bool) -> None:
    facts = facts_about(POLICY, with_status_by(source, contact("lead", "NEW")))
    assert facts.values["status.by_person"] is by_person


def test_an_import_is_a_person_where_the_policy_says_so() -> None:
    policy = bind_policy("extends: standard\nsettings: {hold: {imports: yes}}")
    facts = facts_about(policy, with_status_by("IMPORT", contact("lead", "NEW")))
    assert facts.values["status.by_person"] is True


def test_a_version_of_another_value_says_nothing_of_the_present_one() -> None:
    record = with_status_by("INTEGRATION", contact("lead", "NEW"))
    changed = replace(record, properties={**record.properties, STATUS: "OPEN"})
    facts = facts_about(POLICY, changed)
    assert (facts.values["status.by_person"], facts.status_version) == (True, None)


def test_nobody_set_a_blank_status() -> None:
    facts = facts_about(POLICY, contact("lead"))
    assert (facts.values["status.by_person"], facts.values["status.since"]) == (False, None)


def test_a_stage_is_entered_where_the_newest_stay_begins() -> None:
    policy = bind_policy(
        policy_with_rule("stage.entered.lead < stage.since", stage="other"),
    )
    record = with_stages(
        contact("lead"),
        ("lead", "2026-05-02"),
        ("lead", "2026-05-01"),
        ("", "2026-04-30"),
        ("customer", "2026-04-01"),
        ("lead", "2026-03-01"),
    )
    values = facts_about(policy, record).values
    assert values["stage.since"] == values["stage.entered.lead"] == utc_day("2026-05-01")
    assert values["stage.previous"] == "customer"


def test_without_a_history_the_portals_own_date_says_when_a_stage_was_entered() -> None:
    record = contact("lead", hs_v2_date_entered_current_stage="2026-05-03T00:00:00Z")
    facts = facts_about(POLICY, record)
    assert facts.values["stage.since"] == utc_day("2026-05-03")
    assert facts.values["stage.previous"] is None
    assert not facts.has_stage_history
    assert facts_about(POLICY, contact("")).values["stage.since"] is None


def test_a_stage_that_was_left_again_keeps_the_time_when_it_was_entered() -> None:
    policy = bind_policy(policy_with_rule("stage.entered.customer is not blank", stage="other"))
    record = with_stages(contact("lead"), ("lead", "2026-05-01"), ("customer", "2026-04-01"))
    assert facts_about(policy, record).values["stage.entered.customer"] == utc_day("2026-04-01")
    never = with_stages(contact("lead"), ("lead", "2026-05-01"))
    assert facts_about(policy, never).values["stage.entered.customer"] is None


@pytest.mark.parametrize(
    ("record", "needed"),
    [
        (contact("lead"), False),
        (contact("lead", "CONNECTED"), True),
        (contact("lead", "UNQUALIFIED"), False),
        (contact("lead", "UNQUALIFIED", **DEMO), True),
        (contact("salesqualifiedlead", "CONNECTED"), False),
        (contact("customer", "CONNECTED"), False),
        (contact("51", "CONNECTED"), False),
        (with_status_by("CRM_UI", contact("lead", "CONNECTED")), False),
    ],
)
def test_a_status_history_is_read_where_its_author_decides(record: Record, needed: bool) -> None:
    assert needs_edit_history(POLICY, facts_about(POLICY, record)) is needed


def test_no_history_is_read_where_a_program_s_status_would_be_out_of_scope() -> None:
    policy = bind_policy("extends: standard\nsettings: {scope: status.by_person}\n")
    assert not needs_edit_history(policy, facts_about(policy, contact("lead", "CONNECTED")))


def test_a_deal_decides_whoever_set_the_status() -> None:
    facts = facts_about(POLICY, contact("opportunity", "UNQUALIFIED", **DEMO), open_deal())
    assert not needs_edit_history(POLICY, facts)


def test_a_policy_that_names_the_time_of_the_status_needs_its_history() -> None:
    policy = bind_policy(policy_with_rule("status.since < now - 30 days"))
    assert needs_edit_history(policy, facts_about(policy, contact("lead", "UNQUALIFIED")))
    assert not needs_edit_history(policy, facts_about(policy, contact("lead")))


def test_a_stage_history_is_read_in_the_stages_where_the_policy_names_it() -> None:
    policy = bind_policy(
        policy_with_rule('stage == "lead" and stage.since < now - 30 days', stage="subscriber")
    )
    record = with_stages(contact("lead"), ("lead", "2026-05-01"))
    assert needs_edit_history(policy, facts_about(policy, contact("lead")))
    assert not needs_edit_history(policy, facts_about(policy, record))
    assert not needs_edit_history(policy, facts_about(policy, contact("customer")))
    everywhere = bind_policy(policy_with_rule("stage.since < now - 30 days", stage="subscriber"))
    assert needs_edit_history(everywhere, facts_about(everywhere, contact("customer")))
    assert not needs_edit_history(POLICY, facts_about(POLICY, contact("lead")))


def test_a_policy_that_never_asks_who_set_a_status_needs_no_history() -> None:
    off = "\n".join(
        f"  - {{name: {name}, when: never, {target}: keep, reason: x}}"
        for name, target in (("verdict", "stage"),)
    )
    rows = "lead_status:\n  - {name: status-by-hand, when: never, lead_status: keep, reason: x}\n"
    policy = bind_policy(f"{POLICY_WITH_SCORE}rules:\n{off}\n{rows}")
    assert not needs_edit_history(policy, facts_about(policy, contact("lead", "CONNECTED")))


def test_a_stay_in_a_stage_begins_anew_where_a_rule_moves_the_record() -> None:
    policy = bind_policy(
        POLICY_WITH_SCORE
        + "rules:\n"
        + "  - {name: old, when: 'stage.since < now - 30 days', stage: subscriber, "
        + "direction: any, reason: x}\n"
        + '  - {name: back, when: \'stage.previous == "lead" and stage == "subscriber"\', '
        + "stage: other, direction: any, reason: x}\n"
    )
    from connector.core.decide.decision import decide

    record = with_stages(contact("lead"), ("lead", "2026-01-01"))
    decision = decide(policy, facts_about(policy, record, now=NOW + timedelta(days=1)))
    assert (decision.stage, decision.rules[:2]) == ("other", ("old", "back"))
