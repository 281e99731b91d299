"""How a policy file changes the presets that it extends, and what its digest covers."""

from __future__ import annotations

import pytest

from connector.config import presets
from connector.core.model import ObjectType
from connector.core.policy.load import Policy, load_policy
from connector.core.problem import PolicyError
from tests.core.builders import bind_policy, parse_policy

STANDARD_RULES = [
    "excluded",
    "won",
    "reopened",
    "open-deal",
    "lost",
    "quiet",
    "follows-company",
    "follows-contacts",
    "verdict",
    "handover",
    "qualified",
    "converted",
    "subscribed",
    "blank",
]
OWN_RULE = "{name: mine, when: always, stage: lead, reason: x}"


def _rule_names(text: str) -> list[str]:
    return [rule.name for rule in parse_policy(text).rules]


def _row_names(text: str) -> list[str]:
    return [row.name for row in parse_policy(text).rows]


def test_a_file_that_only_changes_settings_keeps_the_presets_rules() -> None:
    loaded_policy = parse_policy(
        "extends: standard\nsettings:\n  hold_days: 7\n  handover: {score: 60}\n"
    )
    assert [rule.name for rule in loaded_policy.rules] == STANDARD_RULES
    assert (loaded_policy.number("hold_days"), loaded_policy.number("handover.score")) == (7, 60)
    assert (loaded_policy.number("qualified.score"), loaded_policy.flag("hold.imports")) == (
        30,
        False,
    )


def test_a_policy_is_called_by_its_name_or_its_file() -> None:
    assert (
        load_policy("name: mine\n", source="p.yaml", preset_text=presets.policy_text).name == "mine"
    )
    assert (
        load_policy("version: 2\n", source="our/own.yaml", preset_text=presets.policy_text).name
        == "own"
    )
    assert (
        load_policy("version: 2\n", source="p.yaml", preset_text=presets.policy_text).version == "2"
    )


def test_own_rules_go_before_the_presets_in_the_order_of_the_file() -> None:
    first_rule = OWN_RULE.replace("always", "deals.won > 3")
    text = f"extends: standard\nrules: [{first_rule}, {OWN_RULE.replace('mine', 'second')}]"
    assert _rule_names(text) == ["mine", "second", *STANDARD_RULES]


def test_an_own_rule_may_go_before_another_one() -> None:
    text = f"extends: standard\nrules: [{OWN_RULE[:-1]}, before: blank}}]"
    assert _rule_names(text) == [*STANDARD_RULES[:-1], "mine", "blank"]


def test_an_own_rule_may_go_last() -> None:
    text = f"extends: standard\nrules: [{OWN_RULE[:-1]}, before: keep}}]"
    assert _rule_names(text) == [*STANDARD_RULES, "mine"]


def test_a_rule_of_the_same_name_takes_the_others_place() -> None:
    text = f"extends: standard\nrules: [{OWN_RULE.replace('mine', 'lost')}]"
    assert _rule_names(text) == STANDARD_RULES
    assert parse_policy(text).rules[4].when.text == "always"


def test_a_rule_of_the_same_name_may_move_elsewhere() -> None:
    text = f"extends: standard\nrules: [{OWN_RULE.replace('mine', 'lost')[:-1]}, before: won}}]"
    assert _rule_names(text)[:3] == ["excluded", "lost", "won"]


def test_a_rule_with_a_lead_status_makes_a_row_that_goes_first() -> None:
    rule_with_lead_status = (
        "{name: mine, when: always, stage: lead, lead_status: NEW, reason: x, before: won}"
    )
    text = f"extends: standard\nrules: [{rule_with_lead_status}]"
    assert _rule_names(text)[1] == "mine"
    assert _row_names(text)[0] == "mine"
    assert parse_policy(text).rows[0].when.text == "rule mine wins"


def test_a_rule_with_nothing_but_a_lead_status_is_a_row() -> None:
    text = "extends: standard\nrules: [{name: mine, when: always, lead_status: NEW, reason: x}]"
    assert _rule_names(text) == STANDARD_RULES
    assert _row_names(text)[0] == "mine"


def test_replacing_a_rule_takes_its_row_away() -> None:
    def load_preset(name: str) -> str:
        rule_with_lead_status = (
            "{name: lost, when: always, stage: lead, lead_status: NEW, reason: x}"
        )
        return f"rules: [{rule_with_lead_status}]" if name == "lower" else presets.policy_text(name)

    text = f"extends: lower\nrules: [{OWN_RULE.replace('mine', 'lost')}]"
    assert load_policy(text, source="p.yaml", preset_text=load_preset).rows == ()


def test_own_rows_go_before_the_presets_and_may_replace_them() -> None:
    row = "{name: mine, when: always, lead_status: NEW, reason: x}"
    assert _row_names(f"extends: standard\nlead_status: [{row}]")[0] == "mine"
    replacing_row = row.replace("mine", "status-clear")
    assert (
        _row_names(f"extends: standard\nlead_status: [{replacing_row}]").count("status-clear") == 1
    )
    placed_row = row.replace("reason: x", "reason: x, before: status-clear")
    assert _row_names(f"extends: standard\nlead_status: [{placed_row}]")[-2:] == [
        "mine",
        "status-clear",
    ]


def test_several_presets_are_laid_upon_each_other_each_once() -> None:
    texts = {
        "a": "settings: {hold_days: 1, handover: {score: 50}}",
        "b": "extends: a\nsettings: {hold_days: 2}",
        "c": "extends: [a, b, c]\nsettings: {qualified: {score: 3}}",
    }
    loaded_policy = load_policy(
        "extends: [b, c, b]", source="p.yaml", preset_text=texts.__getitem__
    )
    assert loaded_policy.number("hold_days") == 2
    assert loaded_policy.number("handover.score") == 50
    assert loaded_policy.number("qualified.score") == 3


def test_what_is_wrong_in_a_preset_is_said_of_the_preset() -> None:
    with pytest.raises(PolicyError, match=r"^a\.yaml:1:23: hold_days is a number"):
        load_policy("extends: a", source="p.yaml", preset_text=lambda _: "settings: {hold_days: x}")


def _digest(text: str) -> str:
    return parse_policy(text).digest


def test_the_digest_is_of_the_meaning_not_of_comments_or_order() -> None:
    plain = "extends: standard\nsettings:\n  hold_days: 7\n  on_deal: blank\n"
    commented = (
        "# words\nsettings: {on_deal: 'blank', hold_days: 7.0}\nextends: [standard]\nname: x\n"
    )
    assert _digest(plain) == _digest(commented)


@pytest.mark.parametrize(
    "text",
    [
        "extends: standard\nsettings: {hold_days: 8}",
        "extends: standard\nsettings: {scope: deals.open > 0}",
        "extends: standard\nlists: {own: [a]}",
        f"extends: standard\nrules: [{OWN_RULE}]",
        "extends: standard\nrules: [{name: mine, when: always, stage: {lead: keep}, reason: x}]",
        "extends: standard\nlead_status: [{name: a, when: always, lead_status: NEW, reason: x}]",
    ],
)
def test_the_digest_changes_with_the_meaning(text: str) -> None:
    assert _digest(text) != _digest("extends: standard")


def test_the_properties_that_a_policy_names_are_known_without_a_portal() -> None:
    properties = parse_policy(
        "extends: standard\n"
        "settings: {score: {property: fit}, scope: company.country == 'NO'}\n"
        "rules:\n"
        "  - name: mine\n"
        "    when: contact.vip and open_deal.amount > contact.limit and now - 3 > contact.seen_at\n"
        "    stage: lead\n"
        "    reason: 'of {contact.city}, {contact.score}'\n"
    ).properties()
    assert properties == {
        ObjectType.CONTACTS: ("city", "fit", "limit", "seen_at", "vip"),
        ObjectType.COMPANIES: ("country", "domain"),
        ObjectType.DEALS: ("amount",),
    }


def test_a_setting_that_is_no_number_is_not_given_as_one() -> None:
    loaded_policy: Policy = parse_policy("extends: standard")
    with pytest.raises(KeyError):
        loaded_policy.number("on_deal")
    assert loaded_policy.texts("on_deal") == ("closing",)


def test_a_setting_follows_the_one_that_it_refers_to() -> None:
    loaded_policy = parse_policy("extends: standard\nsettings: {after_lost: {stage: lead}}")
    assert loaded_policy.texts("after_lost.customer_stage") == ("lead",)
    circular = "settings: {default_stage: $exclude.stage, exclude: {stage: $default_stage}}"
    with pytest.raises(PolicyError, match="does not fit here"):
        parse_policy(circular)


def test_empty_words_of_yaml_mean_nothing() -> None:
    loaded_policy = parse_policy(
        "settings: {score: {property: ~}, after_won: null, parked: , aliases: {}}"
    )
    assert loaded_policy.texts("score.property") == ()
    assert loaded_policy.texts("after_won") == ("clear",)
    assert loaded_policy.texts("parked") == ()


def test_words_such_as_on_and_off_are_words() -> None:
    loaded_policy = parse_policy(
        "settings: {company_sync: {mode: off, native: on}, hold: {imports: on}}"
    )
    assert (
        loaded_policy.texts("company_sync.mode"),
        loaded_policy.texts("company_sync.native"),
    ) == (
        ("off",),
        ("on",),
    )
    assert loaded_policy.flag("hold.imports")


def test_an_error_in_a_folded_condition_is_found_on_its_line() -> None:
    text = (
        "extends: standard\n"
        "rules:\n"
        "  - name: mine\n"
        "    when: |\n"
        "      deals.open > 0\n"
        "      and   contact.scor > 3 and stage is\n"
        "        not blank\n"
        "    stage: lead\n"
        "    reason: x\n"
    )
    with pytest.raises(PolicyError, match=r"^policy\.yaml:6:13: contact has no property 'scor'"):
        bind_policy(text)
    quoted_scope = 'scope: "deals.open > 0 and stage == \\"lead\\" and contact.scor > 3"'
    with pytest.raises(PolicyError, match=r"^policy\.yaml:1:61: contact has no"):
        bind_policy(f"settings: {{{quoted_scope}}}")
