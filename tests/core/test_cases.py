"""Cases files: what they may say, and that a wrong expectation shows."""

from __future__ import annotations

import pytest

from connector import presets
from connector.core.cases import Difference, Result, given_facts, ground_portal, run_cases
from connector.core.mark import PolicyError
from connector.core.model import ObjectType
from connector.core.policy import load
from connector.core.rules import decide

STANDARD = presets.policy("standard")


def _run(text: str) -> tuple[Result, ...]:
    return run_cases(text, source="c.yaml", policy=STANDARD)


def test_a_case_that_fails_names_what_was_expected_and_what_was_decided() -> None:
    (result,) = _run(
        "cases:\n  - name: one\n    given: {stage: lead, status: NEW}\n"
        "    expect: {stage: customer, status: NEW, rule: won, status_rule: ''}\n"
    )
    assert (result.name, str(result.mark)) == ("one", "c.yaml:2:5")
    assert result.differences == (
        Difference(what="stage", expected="customer", found="lead"),
        Difference(what="status", expected="NEW", found=""),
        Difference(what="rule", expected="won", found="keep"),
        Difference(what="status_rule", expected="", found="status-clear"),
    )


def test_a_stage_of_the_portals_own_is_told_by_its_label() -> None:
    (result,) = _run(
        "portal: {stages: {lead: Lead, '77': Pilotkunde, customer: Kunde, opportunity: X}}\n"
        "cases: [{name: x, given: {stage: lead}, expect: {stage: Pilotkunde}}]\n"
    )
    (found,) = result.differences
    assert (found.expected, found.found) == ("Pilotkunde (77)", "lead")


def test_steps_hand_their_result_on() -> None:
    results = _run(
        "cases:\n  - name: two\n    steps:\n"
        "      - {given: {stage: '', deals: [{state: open}]}, expect: {stage: opportunity}}\n"
        "      - {given: {deals: []}, expect: {stage: opportunity, status: '', rule: keep}}\n"
    )
    assert [result.differences for result in results] == [(), ()]


def test_a_case_may_give_properties_companies_deals_and_times() -> None:
    results = _run(
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
    with pytest.raises(PolicyError) as caught:
        _run(f"cases:\n  - {case}\n")
    assert message in str(caught.value)
    assert str(caught.value).startswith("c.yaml:2:")


def test_what_the_portal_of_the_cases_lacks_is_said_with_where_to_write_it() -> None:
    policy = load(
        "extends: standard\nsettings: {scope: deal.years > 3}",
        source="p.yaml",
        preset=presets.preset,
    )
    with pytest.raises(PolicyError) as caught:
        run_cases("portal: {deals: {}}\ncases: [{name: x}]", source="c.yaml", policy=policy)
    assert str(caught.value).startswith(
        "p.yaml:2:19: deal has no property 'years'; these cases are in a portal of their own: "
    )


def test_a_cases_file_describes_the_portal_that_its_cases_are_in() -> None:
    found = ground_portal("portal: {stages: {a: Anfang, b: Ende}}\ncases: []", source="c.yaml")
    assert [one.label for one in found.stages(ObjectType.CONTACTS)] == ["Anfang", "Ende"]


def test_a_facts_file_is_one_case_with_its_own_settings_and_portal() -> None:
    text = (
        "settings: {score: {property: fit}, handover: {score: 5}}\n"
        "portal: {contacts: {fit: number}}\ngiven: {stage: lead, score: 7}\n"
    )
    policy, portal, found = given_facts(text, source="f.yaml", policy=STANDARD)
    assert decide(policy, found).rule == "handover"
    assert "fit" in portal.definitions[ObjectType.CONTACTS]


def test_a_file_without_cases_is_no_cases_file() -> None:
    with pytest.raises(PolicyError, match="cases is a list"):
        _run("policy: standard")
