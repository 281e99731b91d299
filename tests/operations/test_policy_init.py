"""What `policy init` writes is a policy with cases that hold, whatever the portal calls things."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.cli.policy_questions import ask_proposal
from connector.config.presets import policy_text
from connector.core.lint.default_portal import (
    DEAL_STAGES,
    STAGES,
    STATUSES,
    default_portal,
    definition,
)
from connector.core.model import ObjectType, Pipeline, Portal
from connector.core.policy.load import load_policy
from connector.operations.policy_init import initial_files
from connector.operations.policy_proposal import PolicyProposal, propose_settings
from connector.operations.policy_test import Cases, check_policy, run_cases
from connector.reports.portal_survey import PipelineUse, PortalSurvey, Situation
from tests.fakes.connected_portal import START

LABEL = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def _count_starting_cases(portal: Portal, name: str = "first.yaml") -> int:
    """Check and try what is written for a portal; return how many cases it has."""
    text, cases = initial_files(portal, Path(name))
    policy = load_policy(text, source=name, preset_text=policy_text)
    check_policy(policy, portal, START)
    tested = run_cases(policy, Cases(source="first.cases.yaml", text=cases))
    assert tested.failures == ()
    assert tested.unguarded == ()
    return len(tested.results)


def test_a_new_portal_begins_with_four_cases() -> None:
    assert _count_starting_cases(default_portal()) == 4


PORTAL = default_portal(
    pipelines=[Pipeline(id="hire", label="Recruiting", stages=DEAL_STAGES)],
    extra_properties={ObjectType.CONTACTS: [definition("fit_score", "number")]},
)


def survey_of(*situations: tuple[Situation, int]) -> PortalSurvey:
    """Return a survey of a portal with so many contacts of each situation."""
    survey = PortalSurvey(pipelines={"hire": PipelineUse(deals=40, contacts=40, buyers=1)})
    for situation, count in situations:
        survey.kinds[(situation,)] = count
        survey.examples[(situation,)] = situation
        survey.forms[situation.form] += count
        survey.stages[ObjectType.CONTACTS, situation.stage] += count
        if situation.status:
            survey.statuses[situation.stage, situation.status] += count
    return survey


CANDIDATE = Situation(
    stage="lead",
    status="",
    form="Request a quote: “Get a price”",
    first_form="Newsletter",
    conversions="2",
    conversion_days=3,
    deals=(("hire", "contractsent", 12),),
)


def test_what_the_mirror_holds_becomes_settings_and_cases() -> None:
    survey = survey_of((CANDIDATE, 40), (replace(CANDIDATE, deals=(), status="OPEN"), 7))
    proposal = propose_settings(PORTAL, survey, {"fit_score": 12})
    assert proposal.excluded_pipelines == ("Recruiting",)
    assert "quote" in proposal.handover_forms
    assert proposal.score_property == "fit_score"
    text, cases = initial_files(PORTAL, Path("first.yaml"), survey, proposal)
    assert "exclude: [Recruiting]" in text
    assert "Recruiting: 40 deals, 40 contacts, 1 of them bought in another pipeline" in text
    assert "47  Request a quote: “Get a price”" in text
    assert "OPEN (Open): Lead 7" in text
    policy = load_policy(text, source="first.yaml", preset_text=policy_text)
    check_policy(policy, PORTAL, START)
    tested = run_cases(policy, Cases(source="first.cases.yaml", text=cases))
    assert tested.failures == ()
    assert len(tested.results) == 6
    # A quote hands over, and a candidate's deal proves nothing.
    assert cases.count("stage: salesqualifiedlead, status: NEW, rule: handover") == 1


def test_a_pipeline_whose_contacts_buy_stays_whatever_its_name() -> None:
    survey = survey_of((CANDIDATE, 40))
    survey.pipelines["hire"].buyers = 20
    assert propose_settings(PORTAL, survey, {}).excluded_pipelines == ()


def test_a_score_that_nobody_has_stays_asleep() -> None:
    assert propose_settings(PORTAL, PortalSurvey(), {"fit_score": 0}).score_property == ""


def test_a_person_may_answer_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = replace(
        PORTAL,
        definitions=default_portal(stages={**STAGES, "4711": "Pilot"}).definitions,
    )
    survey = survey_of((CANDIDATE, 40))
    proposal = propose_settings(portal, survey, {"fit_score": 12})
    answers = ("y", "y", "demo, quote", "", "fjord.example", "n", "y")
    monkeypatch.setattr("sys.stdin", StringIO("".join(f"{answer}\n" for answer in answers)))
    answered = ask_proposal(portal, survey, proposal)
    assert answered == PolicyProposal(
        excluded_pipelines=(),
        handover_forms=("demo", "quote"),
        subscription_forms=proposal.subscription_forms,
        own_domains=("fjord.example",),
        score_property="",
        custom_stages=("4711",),
    )
    text, _ = initial_files(portal, Path("first.yaml"), survey, answered)
    assert '    - "4711"' in text


@pytest.mark.parametrize("missing_stage", list(STAGES))
def test_a_portal_may_have_deleted_any_stage(missing_stage: str) -> None:
    stages_left = {value: label for value, label in STAGES.items() if value != missing_stage}
    assert _count_starting_cases(default_portal(stages=stages_left)) >= 1


def test_a_portal_may_have_no_lead_status_left() -> None:
    assert _count_starting_cases(default_portal(statuses={})) == 4


@pytest.mark.parametrize(
    "name", ["first.yaml", "vår policy.yaml", "1.yaml", "yes.yaml", "a: b.yaml"]
)
def test_the_file_may_be_called_anything(name: str) -> None:
    assert _count_starting_cases(default_portal(), name) == 4


@settings(max_examples=25, deadline=None)
@given(LABEL, LABEL, LABEL, LABEL)
def test_labels_may_hold_any_signs(stage: str, status: str, pipeline: str, score: str) -> None:
    portal = default_portal(
        stages={**STAGES, "4711": f"{stage} (own)"},
        statuses={**STATUSES, "OWN": f"{status} (own)"},
        pipelines=[Pipeline(id="p", label=pipeline, stages=())],
        extra_properties={
            ObjectType.CONTACTS: [replace(definition("my_score", "number"), label=score)]
        },
    )
    assert _count_starting_cases(portal) == 4
