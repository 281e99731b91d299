"""Patterns match whole words, or the whole text where they have a `*`."""

from __future__ import annotations

import time

import pytest

from connector.core.conditions.text_patterns import TextPattern


@pytest.mark.parametrize(
    "name",
    [
        "Book a demo",
        "DEMO: form",
        "get-a-demo-now",
        "lp_demo_2026",
        "Démo",
        "demo",
        "Which demo? (long)",
        "Book a demo",
    ],
)
def test_a_word_is_found_wherever_it_stands_alone(name: str) -> None:
    assert TextPattern(["demo"]).fits(name)


@pytest.mark.parametrize("name", ["Demographics", "Democracy", "demos", "e2demo", "demo2", ""])
def test_a_part_of_a_word_is_no_word(name: str) -> None:
    assert not TextPattern(["demo"]).fits(name)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("Contact sales", True),
        ("contact_sales: page", True),
        ("contact-sales", True),
        ("Contact   sales", True),
        ("Contact - sales", False),
        ("Contact: sales", False),
        ("contactsales", False),
        ("contact salesforce", False),
    ],
)
def test_several_words_stand_side_by_side(name: str, fits: bool) -> None:
    assert TextPattern(["contact sales"]).fits(name) is fits


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("pilot*", "Pilot 2026", True),
        ("pilot*", "The pilot", False),
        ("*pilot", "The pilot", True),
        ("*pilot", "Pilots", False),
        ("a*b*c", "a--b--c", True),
        ("a*b*c", "a--c--b", False),
        ("*", "anything", True),
        ("ota*yhteyttä*", "OTA  YHTEYTTA nyt", True),
        ("is it (on)?*", "Is it (on)? Yes", True),
        ("is it on?*", "Is it one Yes", False),
    ],
)
def test_an_asterisk_stands_for_anything_and_the_whole_text_must_fit(
    pattern: str, name: str, fits: bool
) -> None:
    assert TextPattern([pattern]).fits(name) is fits


def test_any_pattern_of_several_may_fit_and_none_of_none() -> None:
    assert TextPattern(["yhteydenotto", "kontakt oss"]).fits("Kontakt oss i dag")
    assert not TextPattern([]).fits("demo")
    assert not TextPattern([""]).fits("demo")


def test_a_pattern_with_many_asterisks_does_not_backtrack() -> None:
    pattern, text = TextPattern(["*a" * 30 + "b"]), "a" * 5_000
    began_at = time.process_time()
    assert not pattern.fits(text)
    assert time.process_time() - began_at < 2
