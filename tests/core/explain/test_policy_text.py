"""A policy in plain words: its conditions and targets, in the portal's labels."""

from __future__ import annotations

import pytest

from connector.core.conditions.compile_condition import compile_condition
from connector.core.conditions.parser import parse_condition
from connector.core.conditions.vocabulary import Vocabulary
from connector.core.explain.condition_text import clauses, condition_text, property_labels
from connector.core.explain.policy_text import describe_policy
from connector.core.model import ObjectType
from connector.core.problem import Place
from connector.core.yaml.nodes import Scalar
from tests.core.builders import bind_policy, portal

PORTAL = portal()
NAMES = {**property_labels(PORTAL), "contact.country": "Land"}


def _compile(text: str, *, rows: bool = False):  # type: ignore[no-untyped-def]  # as the function's
    policy = bind_policy("extends: standard")
    vocabulary = Vocabulary(
        object_type=ObjectType.CONTACTS,
        fixed_names={},
        definitions=PORTAL.definitions,
        options={},
        path=policy.object_policies[ObjectType.CONTACTS].path,
        for_rows=rows,
    )
    return compile_condition(
        parse_condition(Scalar(text, Place("p.yaml", 1, 1), text)), vocabulary, own=True
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("always", "always"),
        ("not always", "never"),
        ("deals.open > 0", "a deal is open"),
        ("not deals.open > 0", "no deal is open"),
        ("deals.open == 0", "no deal is open"),
        ("deals.open > 2", "the number of open deals is above 2"),
        ("deals.were_won > 0", "a deal was won once and no longer is"),
        ("contact.country == 'NO'", "the contact's “Land” is NO"),
        ("not contact.country in ['NO', 'SE']", "the contact's “Land” is none of NO or SE"),
        ("contact.country in ['NO']", "the contact's “Land” is NO"),
        ("contact.country is not blank", "the contact's “Land” is not blank"),
        ("contact.last_conversion matches '*demo*'", "the latest form matches “*demo*”"),
        ("contact.vip", "the contact's “vip” is yes"),
        ("not contact.vip", "the contact's “vip” is no"),
        ("'a' in contact.interests", "the contact's “interests” is one of Alpha"),
        ("conversion.counts", "a form was filled in (after a loss only a later one counts)"),
        ("deals.lost_at > now - 90", "the latest loss is less than 90 days ago"),
        ("not deals.lost_at > now - 90", "the latest loss is more than 90 days ago"),
        ("contact.seen_at < today + 7", "the contact's “seen_at” is less than 7 days ahead"),
        ("contact.seen_at > today + 7", "the contact's “seen_at” is more than 7 days ahead"),
        ("contact.seen_at <= now", "the contact's “seen_at” is not after the present time"),
        ("contact.seen_at + 3 < now", "the contact's “seen_at” +3 days is before the present time"),
        (
            "deals.open > 0 and (deals.won > 0 or deals.lost > 0)",
            "a deal is open and (a deal is won or a deal is lost)",
        ),
        (
            "not (deals.open > 0 and deals.won > 0)",
            "no deal is open or no deal is won",
        ),
        ("stage < 'customer'", "the lifecycle stage comes before customer"),
        (
            "stage.entered.lead < now",
            "the day when the stage lead was last entered is before the present time",
        ),
        ("open_deal.amount >= 5", "an open deal's “amount” is at least 5"),
    ],
)
def test_a_condition_is_said_in_plain_words(text: str, expected: str) -> None:
    assert condition_text(_compile(text), NAMES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("'lost' in rules", "the rule lost wins now"), ("'lost' not in rules", "")],
)
def test_a_row_may_ask_which_rule_won(text: str, expected: str) -> None:
    description = condition_text(_compile(text, rows=True), NAMES)
    assert description == expected if expected else "lost" in description


def test_the_parts_of_a_condition_tell_whether_they_hold() -> None:
    parsed_clauses = clauses(
        _compile("deals.open > 0 and not (deals.won > 0 or deals.lost > 0)"), NAMES
    )
    values = {"deals.open": 1.0, "deals.won": 0.0, "deals.lost": 1.0}
    assert [clause.holds(values) for clause in parsed_clauses] == [True, False]
    assert [len(clause.tests) for clause in parsed_clauses] == [1, 2]
    assert clauses(_compile("always"), NAMES)[0].holds({})


def test_the_policy_text_shows_rules_rows_and_settings_in_the_portals_labels() -> None:
    policy = bind_policy(
        "extends: standard\nversion: 3\nsettings:\n  aliases: {subscriber: lead}\n"
        "  hold: {imports: yes}\n  scope: deals.count > 0\n"
        "rules:\n  - {name: only-here, for: companies, when: always, stage: keep, "
        "reason: 'x {domain}'}\n",
        portal(stages={"lead": "Lead", "subscriber": "Abonnent", "customer": "Kunde"}),
    )
    policy_text = describe_policy(policy, portal())
    rules = {rule.name: rule for rule in policy_text.rules}
    assert (rules["only-here"].object_types, rules["only-here"].reason) == ("companies", "x …")
    assert rules["won"].object_types == "contacts and companies"
    assert rules["won"].then == "Kunde (only forward, out of a parking place too)"
    assert rules["blank"].then == "Lead (only forward)"
    assert policy_text.stages == "Lead → Abonnent → Kunde"
    settings = {name: value for name, value, _ in policy_text.settings}
    assert settings["aliases"] == "Abonnent as Lead"
    assert settings["hold.imports"] == "yes"
    assert settings["scope"] == "deals.count > 0"
    assert settings["handover.score"] == "80"
    assert settings["exclude.domains"] == "none"
    assert any("sleeps" in warning for warning in policy_text.warnings)


def test_a_reason_tells_what_the_policy_says_and_leaves_open_what_each_record_says() -> None:
    rules = {
        rule.name: rule
        for rule in describe_policy(bind_policy("extends: standard"), portal()).rules
    }
    assert rules["qualified"].reason == "the score is …, and 30 qualify"
    assert rules["excluded"].when == "the domain is (nothing is named)"


def test_a_score_without_a_property_is_told_to_be_always_blank() -> None:
    expected = "contact.score is always blank: the setting score.property is empty"
    assert describe_policy(bind_policy("extends: standard"), portal()).warnings == (expected,)
    assert describe_policy(bind_policy(), portal()).warnings == ()


def test_without_a_scope_every_record_is_meant() -> None:
    settings = {name: value for name, value, _ in describe_policy(bind_policy(), portal()).settings}
    assert (settings["scope"], settings["aliases"]) == ("always", "none")


def test_a_target_by_stage_is_said_branch_by_branch() -> None:
    rules = {rule.name: rule for rule in describe_policy(bind_policy(), portal()).rules}
    assert rules["won"].then.startswith("from Evangelist: keep; otherwise: Customer (only forward")
