"""Cases files: their syntax, and that a wrong expectation shows."""

from __future__ import annotations

import pytest

from connector.config import presets
from connector.core.decide.decision import decide
from connector.core.lint.cases import (
    CaseResult,
    Difference,
    case_results,
    cases_portal,
    read_facts_file,
)
from connector.core.model import ObjectType
from connector.core.policy.load import load_policy
from connector.core.problem import PolicyError

STANDARD_POLICY = presets.load_preset("standard")


def _run_cases(text: str) -> tuple[CaseResult, ...]:
    return tuple(case_results(text, source="c.yaml", policy=STANDARD_POLICY))


def test_a_case_that_fails_names_what_was_expected_and_what_was_decided() -> None:
    (result,) = _run_cases(
        "cases:\n  - name: one\n    given: {stage: lead, status: NEW, status_by: workflow}\n"
        "    expect: {stage: customer, status: NEW, rule: won, status_rule: ''}\n"
    )
    assert (result.name, str(result.place)) == ("one", "c.yaml:2:5")
    assert result.differences == (
        Difference(key="stage", expected="customer", actual="lead"),
        Difference(key="status", expected="NEW", actual=""),
        Difference(key="rule", expected="won", actual="keep"),
        Difference(key="status_rule", expected="", actual="status-clear"),
    )


def test_a_stage_of_the_portals_own_is_told_by_its_label() -> None:
    (result,) = _run_cases(
        "portal: {stages: {lead: Lead, '77': Pilotkunde, customer: Kunde, opportunity: X}}\n"
        "cases: [{name: x, given: {stage: lead}, expect: {stage: Pilotkunde}}]\n"
    )
    (difference,) = result.differences
    assert (difference.expected, difference.actual) == ("Pilotkunde (77)", "lead")


def test_steps_hand_their_result_on() -> None:
    results = _run_cases(
        "cases:\n  - name: two\n    steps:\n"
        "      - {given: {stage: '', deals: [{state: open}]}, expect: {stage: opportunity}}\n"
        "      - {given: {deals: []}, expect: {stage: opportunity, status: '', rule: keep}}\n"
    )
    assert [result.differences for result in results] == [(), ()]


def test_a_case_may_give_properties_companies_deals_and_times() -> None:
    results = _run_cases(
        "settings: {scope: company.country == 'NO' and deal.amount > 3 and contact.vip}\n"
        "portal:\n"
        "  companies: {country: string}\n"
        "  deals: {amount: number}\n"
        "  contacts: {vip: bool}\n"
        "  time_zone: Europe/Oslo\n"
        "cases:\n"
        "  - name: within\n"
        "    given:\n"
        "      now: 2026-01-01T12:00:00Z\n"
        "      company: {country: 'NO'}\n"
        "      properties: {vip: 'true'}\n"
        "      deals: [{id: 7, state: won, pipeline: default, properties: {amount: 4}}]\n"
        "    expect: {stage: customer}\n"
    )
    assert results[0].differences == ()


def test_a_case_may_say_which_stage_came_before() -> None:
    policy = load_policy(
        "extends: standard\n"
        "rules: [{name: back, when: stage.previous == 'lead', stage: lead, reason: It was one}]\n",
        source="p.yaml",
        preset_text=presets.policy_text,
    )
    results = case_results(
        "cases:\n"
        "  - name: back\n"
        "    given: {stage: subscriber, stage_since: 2026-01-05, stage_before: lead}\n"
        "    expect: {stage: lead, rule: back}\n"
        "  - name: unknown\n"
        "    given: {stage: subscriber, stage_since: 2026-01-05}\n"
        "    expect: {stage: subscriber}\n",
        source="c.yaml",
        policy=policy,
    )
    assert [result.differences for result in results] == [(), ()]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("{given: {}, expect: {}}", "c.yaml:2:5: name is a single text, this is a mapping"),
        ("{name: x, given: {stag: a}}", "given has no 'stag' (did you mean 'stage'?)"),
        ("{name: x, given: {score: 3}}", "a score is given, but `score.property` is not set"),
        ("{name: x, given: {now: soon}}", "now is a day such as 2026-03-01, or a time"),
        ("{name: x, given: {deals: [{id: 3}]}}", "state is a single text, this is a mapping"),
        ("{name: x, given: {}, expect: {stge: a}}", "expect has no 'stge'"),
        ("{name: x, settings: {a: b}}", "there is no setting 'a'"),
        ("{name: x, settings: {default_stage: nowhere}}", "the portal has no 'nowhere'"),
    ],
)
def test_what_is_wrong_in_a_case_is_said_with_its_place(case: str, message: str) -> None:
    with pytest.raises(PolicyError) as error:
        _run_cases(f"cases:\n  - {case}\n")
    assert message in str(error.value)
    assert str(error.value).startswith("c.yaml:2:")


def test_what_the_portal_of_the_cases_lacks_is_said_with_where_to_write_it() -> None:
    policy = load_policy(
        "extends: standard\nsettings: {scope: deal.years > 3}",
        source="p.yaml",
        preset_text=presets.policy_text,
    )
    with pytest.raises(PolicyError) as error:
        list(
            case_results("portal: {deals: {}}\ncases: [{name: x}]", source="c.yaml", policy=policy)
        )
    assert str(error.value).startswith(
        "p.yaml:2:19: deal has no property 'years'; these cases are in a portal of their own: "
    )


def test_a_cases_file_describes_the_portal_that_its_cases_are_in() -> None:
    portal = cases_portal("portal: {stages: {a: Anfang, b: Ende}}\ncases: []", source="c.yaml")
    assert [option.label for option in portal.stages(ObjectType.CONTACTS)] == ["Anfang", "Ende"]


def test_a_facts_file_is_one_case_with_its_own_settings_and_portal() -> None:
    text = (
        "settings: {score: {property: fit}, handover: {score: 5}}\n"
        "portal: {contacts: {fit: number}}\ngiven: {stage: lead, score: 7}\n"
    )
    policy, portal, facts = read_facts_file(text, source="f.yaml", policy=STANDARD_POLICY)
    assert decide(policy, facts).rule == "handover"
    assert "fit" in portal.definitions[ObjectType.CONTACTS]


def test_a_file_without_cases_is_no_cases_file() -> None:
    with pytest.raises(PolicyError, match="cases is a list"):
        _run_cases("policy: standard")
