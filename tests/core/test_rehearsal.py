"""Two rules that move a record to and fro are found before a record meets them."""

from __future__ import annotations

import pytest

from connector import presets
from connector.core.binding import bind
from connector.core.rehearsal import to_and_fro
from tests.core.givens import NOW, bound, portal

UP = "{name: up, when: 'stage == \"lead\" and WHEN', stage: opportunity, reason: x}"
DOWN = (
    "{name: down, when: 'stage == \"opportunity\" and WHEN', stage: lead, "
    "direction: backward, reason: x}"
)


@pytest.mark.parametrize("name", presets.names())
def test_the_presets_settle_whatever_a_record_looks_like(name: str) -> None:
    assert list(to_and_fro(bind(presets.policy(name), portal()), NOW)) == []


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
    rules = ", ".join(one.replace("WHEN", when) for one in (UP, DOWN))
    (found,) = to_and_fro(bound(f"extends: standard\nrules: [{rules}]"), NOW)
    assert str(found.mark).startswith("policy.yaml:2:")
    assert found.message.startswith("down and up move a record of contacts to and fro")


def test_among_many_values_each_is_still_tried_alone() -> None:
    rules = ", ".join(one.replace("WHEN", "contact.country in codes") for one in (UP, DOWN))
    codes = ", ".join(f'"{one}"' for one in range(60))
    text = f"extends: standard\nrules: [{rules}]".replace("codes", f"[{codes}]")
    (found,) = to_and_fro(bound(text), NOW)
    assert found.message.startswith("down and up move")


def test_rules_that_say_when_they_no_longer_hold_do_not_fight() -> None:
    down = DOWN.replace("WHEN", "contact.score < 10 and deals.count == 0")
    rules = f"{UP.replace('WHEN', 'contact.score > 40')}, {down}"
    assert list(to_and_fro(bound(f"extends: standard\nrules: [{rules}]"), NOW)) == []


def test_rows_that_fight_are_found_too() -> None:
    rows = (
        "{name: one, when: 'status == \"NEW\"', lead_status: OPEN, reason: x}, "
        "{name: two, when: 'status == \"OPEN\"', lead_status: NEW, reason: x}, "
        "{name: three, when: status is blank, lead_status: NEW, reason: x}"
    )
    found = [
        one.message for one in to_and_fro(bound(f"extends: standard\nlead_status: [{rows}]"), NOW)
    ]
    assert found
    assert all(one.startswith(("one moves", "two moves")) for one in found)


def test_records_outside_of_the_scope_are_not_tried() -> None:
    rules = ", ".join(one.replace("WHEN", "deals.count >= 0") for one in (UP, DOWN))
    text = f"extends: standard\nsettings: {{scope: never}}\nrules: [{rules}]"
    assert list(to_and_fro(bound(text), NOW)) == []
