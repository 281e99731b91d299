"""A contact's leads as evidence: which of them leads, since when, and what its stage means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.core.binding.bind import bind, needed_properties, types_to_read
from connector.core.leads import Lead, LeadStages, lead_values, leading_lead, read_lead
from connector.core.model import (
    LEAD_STAGE,
    DealStage,
    ObjectType,
    Pipeline,
    Portal,
    Record,
    Ref,
    Version,
)
from connector.core.problem import PolicyError
from connector.errors import UserError
from tests.core.builders import bind_policy, parse_policy, portal

JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
STAGES = LeadStages(closed=frozenset({"done"}), statuses={"new": "NEW", "done": "UNQUALIFIED"})
FROM_LEADS = "extends: standard\nsettings:\n  lead_status: {from: leads}\n"


def lead_record(stage: str, **properties: str | None) -> Record:
    return Record(
        ref=Ref(ObjectType.LEADS, "7"),
        properties={LEAD_STAGE: stage, **properties},
        created_at=JANUARY,
        modified_at=MARCH,
    )


def version(stage: str, at: datetime) -> Version:
    return Version(value=stage, at=at, source_type="CRM_UI")


def lead(number: int, stage: str, since: datetime) -> Lead:
    ref = Ref(ObjectType.LEADS, str(number))
    return Lead(ref=ref, stage=stage, is_open=stage not in STAGES.closed, since=since)


def test_a_lead_is_in_its_stage_since_the_last_time_that_it_entered_it() -> None:
    history = [version("new", MARCH), version("other", FEBRUARY), version("new", JANUARY)]
    assert read_lead(STAGES, lead_record("new"), history).since == MARCH


def test_a_stage_that_was_stored_twice_counts_from_its_first_version() -> None:
    history = [version("new", MARCH), version("new", FEBRUARY)]
    assert read_lead(STAGES, lead_record("new"), history).since == FEBRUARY


def test_without_a_history_the_date_property_says_it_and_else_the_creation() -> None:
    dated = lead_record("new", hs_v2_date_entered_current_stage="2026-02-01T00:00:00Z")
    assert read_lead(STAGES, dated).since == FEBRUARY
    assert read_lead(STAGES, lead_record("new")).since == JANUARY


def test_a_lead_whose_stage_was_not_asked_for_is_no_lead_without_a_stage() -> None:
    with pytest.raises(KeyError):
        read_lead(STAGES, replace(lead_record("new"), properties={}))


def test_an_open_lead_goes_before_closed_ones_and_the_last_that_moved_before_others() -> None:
    closed, older, newer = lead(1, "done", MARCH), lead(2, "new", JANUARY), lead(3, "new", FEBRUARY)
    assert leading_lead([closed, older, newer]) == newer
    assert leading_lead([closed]) == closed
    assert leading_lead([]) is None


def test_without_a_lead_nothing_is_said_but_that_none_is_open() -> None:
    assert lead_values(STAGES, []) == {
        "leads.open": 0.0,
        "lead.latest": None,
        "lead.stage": None,
        "lead.since": None,
        "lead.status": None,
    }


def test_the_stage_of_the_leading_lead_means_a_lead_status() -> None:
    values = lead_values(STAGES, [lead(1, "done", MARCH), lead(2, "new", JANUARY)])
    assert values == {
        "leads.open": 1.0,
        "lead.latest": "leads/2",
        "lead.stage": "new",
        "lead.since": JANUARY,
        "lead.status": "NEW",
    }


@pytest.mark.parametrize(
    "text",
    [
        FROM_LEADS,
        "extends: standard\nsettings: {scope: leads.open > 0}\n",
        "extends: standard\nsettings: {follow_up: {fit: lead.stage is not blank}}\n",
        "extends: standard\nrules:\n"
        "  - {name: mine, when: leads.open > 0, stage: salesqualifiedlead, reason: x}\n",
        "extends: standard\nlead_status:\n"
        "  - {name: mine, when: always, lead_status: $lead.status, reason: x}\n",
        "extends: standard\nlead_status:\n"
        "  - {name: mine, when: always, lead_status: NEW, reason: 'in {lead.stage}'}\n",
    ],
)
def test_leads_are_read_where_the_policy_names_them(text: str) -> None:
    policy = bind_policy(text)
    assert policy.uses_leads
    assert types_to_read(policy)[-1] is ObjectType.LEADS
    assert LEAD_STAGE in needed_properties(policy, portal())[ObjectType.LEADS]


def test_leads_are_not_read_for_the_standard_policy() -> None:
    policy = bind_policy("extends: standard")
    assert not policy.uses_leads
    assert ObjectType.LEADS not in needed_properties(policy, portal())
    rows = [row.name for row in policy.object_policies[ObjectType.CONTACTS].rows]
    assert rows[0] == "status-after-loss"


def test_a_policy_that_rests_on_leads_does_not_fit_a_portal_of_which_they_are_unknown() -> None:
    unread = portal()
    definitions = {
        kind: names for kind, names in unread.definitions.items() if kind is not ObjectType.LEADS
    }
    unread = replace(unread, lead_pipelines=None, definitions=definitions)
    with pytest.raises(UserError, match=r"crm\.objects\.leads\.read"):
        bind(parse_policy(FROM_LEADS), unread)
    assert bind(parse_policy("extends: standard"), unread).name == "policy"


def two_pipelines() -> Portal:
    def pipeline(name: str, *stages: tuple[str, str]) -> Pipeline:
        return Pipeline(
            id=name, label=name, stages=tuple(DealStage(id=id_, label=text) for id_, text in stages)
        )

    pipelines = (
        pipeline("Inbound", ("1", "Working"), ("2", "Nurture")),
        pipeline("Outbound", ("3", "Working"), ("4", "Gone")),
    )
    return replace(portal(), lead_pipelines=pipelines)


def test_a_label_means_its_stage_in_every_pipeline_and_a_pipeline_may_be_named_with_it() -> None:
    text = f"{FROM_LEADS}  leads:\n    statuses: {{working: New, 'Outbound: Gone': Bad Timing}}\n"
    policy = bind_policy(f"{text}    closed: [Nurture, 'Outbound: Gone']\n", two_pipelines())
    assert policy.lead_stages.statuses == {"1": "NEW", "3": "NEW", "4": "BAD_TIMING"}
    assert policy.lead_stages.closed == {"2", "4"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("statuses: {Workin: NEW}", "Working"),
        ("statuses: {Working: NEWER}", "NEW"),
        ("statuses: {Working: clear}", "leave it out"),
        ("closed: [Gonne]", "Gone"),
    ],
)
def test_a_stage_or_status_that_the_portal_lacks_is_refused(setting: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        bind_policy(f"{FROM_LEADS}  leads: {{{setting}}}\n", two_pipelines())


def test_the_stages_of_a_new_portal_that_another_lacks_mean_nothing_there() -> None:
    policy = bind_policy(FROM_LEADS, two_pipelines())
    assert policy.lead_stages == LeadStages()


def test_a_renamed_stage_of_leads_makes_everything_due_where_leads_are_evidence() -> None:
    with_leads, without = parse_policy(FROM_LEADS), parse_policy("extends: standard")
    assert bind(with_leads, portal()).digest != bind(with_leads, two_pipelines()).digest
    assert bind(without, portal()).digest == bind(without, two_pipelines()).digest
