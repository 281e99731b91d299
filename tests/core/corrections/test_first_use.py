"""First use: which rules may correct at once, and the message about those that wait."""

from __future__ import annotations

from connector.core.corrections.first_use import NewRule, first_use_text, rules_to_review


def test_only_new_rules_that_want_more_than_the_limit_wait() -> None:
    records = {"won": 10, "blank": 11, "lost": 500}
    assert rules_to_review(10, records, {}, {"lost"}) == (NewRule(name="blank", records=11),)


def test_what_a_rule_corrected_within_the_day_counts_too() -> None:
    assert rules_to_review(10, {"won": 6}, {"won": 5}, ()) == (
        NewRule(name="won", records=6, corrected=5),
    )
    assert rules_to_review(10, {"won": 5}, {"won": 5, "lost": 9}, ()) == ()


def test_the_text_names_the_rules_their_figures_and_what_to_type() -> None:
    rules = [NewRule(name="blank", records=1300), NewRule(name="won", records=6, corrected=5)]
    text = first_use_text(rules, 10)
    assert "2 rules are new here and each of them wants to correct more than 10 records" in text
    assert "blank (1,300 records), won (6 records, 5 corrected within 24 hours)" in text
    assert "lets the rules go on by themselves" in text
    assert "`connector apply plan.json --rule blank`" in text
    assert "lets the rule go on by itself" in first_use_text(rules[:1], 10)
