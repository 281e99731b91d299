"""Two rules that move a record back and forth are found before they meet a real record."""

from __future__ import annotations

import pytest

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.lint.loops import find_loops
from tests.core.builders import NOW, bind_policy, portal

FORWARD_RULE = "{name: up, when: 'stage == \"lead\" and WHEN', stage: opportunity, reason: x}"
BACKWARD_RULE = (
    "{name: down, when: 'stage == \"opportunity\" and WHEN', stage: lead, "
    "direction: backward, reason: x}"
)


@pytest.mark.parametrize("name", presets.names())
def test_the_presets_settle_whatever_a_record_looks_like(name: str) -> None:
    assert list(find_loops(bind(presets.load_preset(name), portal()), NOW)) == []


@pytest.mark.parametrize(
    "when",
    [
        "deals.count >= 0",
        "contact.score > 40",
        "contact.vip",
        'contact.country in ["NO", "SE"]',
        'contact.last_conversion matches "*pilot*"',
        "contact.seen_at < now - 30",
        "contact.birthday > 2000",
        "deal.amount > 5",
    ],
)
def test_two_rules_that_fight_are_named_with_their_place(when: str) -> None:
    if when.endswith("2000"):
        when = 'contact.birthday > "2000-01-01"'
    rules = ", ".join(rule.replace("WHEN", when) for rule in (FORWARD_RULE, BACKWARD_RULE))
    (problem,) = find_loops(bind_policy(f"extends: standard\nrules: [{rules}]"), NOW)
    assert str(problem.place).startswith("policy.yaml:2:")
    assert problem.message.startswith("down and up change a record of contacts back and forth")


def test_among_many_values_each_is_still_tried_alone() -> None:
    rules = ", ".join(
        rule.replace("WHEN", "contact.country in codes") for rule in (FORWARD_RULE, BACKWARD_RULE)
    )
    codes = ", ".join(f'"{code}"' for code in range(60))
    text = f"extends: standard\nrules: [{rules}]".replace("codes", f"[{codes}]")
    (problem,) = find_loops(bind_policy(text), NOW)
    assert problem.message.startswith("down and up change")


def test_rules_that_say_when_they_no_longer_hold_do_not_fight() -> None:
    backward_rule = BACKWARD_RULE.replace("WHEN", "contact.score < 10 and deals.count == 0")
    rules = f"{FORWARD_RULE.replace('WHEN', 'contact.score > 40')}, {backward_rule}"
    assert list(find_loops(bind_policy(f"extends: standard\nrules: [{rules}]"), NOW)) == []


def test_rows_that_fight_are_found_too() -> None:
    rows = (
        "{name: one, when: 'status == \"NEW\"', lead_status: OPEN, reason: x}, "
        "{name: two, when: 'status == \"OPEN\"', lead_status: NEW, reason: x}, "
        "{name: three, when: status is blank, lead_status: NEW, reason: x}"
    )
    messages = [
        problem.message
        for problem in find_loops(bind_policy(f"extends: standard\nlead_status: [{rows}]"), NOW)
    ]
    assert messages
    assert all(message.startswith(("one changes", "two changes")) for message in messages)


def test_records_outside_of_the_scope_are_not_tried() -> None:
    rules = ", ".join(
        rule.replace("WHEN", "deals.count >= 0") for rule in (FORWARD_RULE, BACKWARD_RULE)
    )
    text = f"extends: standard\nsettings: {{scope: never}}\nrules: [{rules}]"
    assert list(find_loops(bind_policy(text), NOW)) == []
