"""Any text, however broken, gives a policy or a PolicyError."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.conditions.parser import parse_condition
from connector.core.decide.decision import decide
from connector.core.explain.policy_text import describe_policy
from connector.core.policy.load import load_policy
from connector.core.problem import Place, PolicyError
from connector.core.yaml.nodes import Scalar
from tests.core.builders import contact, facts_about, policy_with_rule, portal

PORTAL = portal()
STANDARD_TEXT = presets.policy_text("standard")
CONDITIONS = (
    "deals.open > 0 and contact.email_domain not in exclude.domains",
    'contact.last_conversion matches "*demo*" or not stage is blank',
    "company.contract_end < today - 3 and contact.vip",
    'open_deal.amount >= 3 or "a" in contact.interests',
)
TOKENS = st.sampled_from(
    [*" ".join(CONDITIONS).split(), "(", ")", "[", "]", "not", "-1", "1e9", "'x'", '"y"', ",", "is"]
)


def _assert_policy_or_error(text: str) -> None:
    """Load a text, bind it, decide with it and say it in words, if it is a policy at all."""
    try:
        policy = bind(load_policy(text, source="p.yaml", preset_text=presets.policy_text), PORTAL)
    except PolicyError:
        return
    decide(policy, facts_about(policy, contact("lead", "NEW", interests="a")))
    describe_policy(policy, PORTAL)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_says_what_is_wrong(text: str) -> None:
    _assert_policy_or_error(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="-:[]{}&*!|>'\"%@`# \n\tab,?~$\\", max_size=80))
def test_any_yaml_signs_are_a_policy_or_say_what_is_wrong(text: str) -> None:
    _assert_policy_or_error(text)


@settings(max_examples=400, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_mutated_standard_policy_is_a_policy_or_says_what_is_wrong(
    random_source: random.Random,
) -> None:
    _assert_policy_or_error(mutate(STANDARD_TEXT, random_source))


def mutate(text: str, random_source: random.Random) -> str:
    """Return a text with some characters dropped, doubled, replaced or moved."""
    for _ in range(random_source.randint(1, 4)):
        position, size = random_source.randrange(len(text)), random_source.choice([1, 1, 2, 8, 40])
        replacement = random_source.choice(
            [
                "",
                text[position : position + size] * 2,
                random_source.choice(string.printable),
                text[-position:][:size],
            ]
        )
        text = text[:position] + replacement + text[position + size :]
    return text


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_a_condition_or_says_what_is_wrong(text: str) -> None:
    try:
        parse_condition(Scalar(text, Place("p.yaml", 1, 1), text))
    except PolicyError:
        return


@settings(max_examples=700, deadline=None)
@given(st.lists(TOKENS, max_size=12).map(" ".join))
def test_any_words_of_the_language_decide_or_say_what_is_wrong(text: str) -> None:
    _assert_policy_or_error(policy_with_rule(text))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900 + "always" + ")" * 900,
        "(" * 1900,
        "not " * 480 + "always",
        "-" * 1900 + "1 == deals.open",
        "[" * 900 + "1" + "]" * 900 + " == stage",
        "deals.open" + ".x" * 900,
        " == ".join(["stage"] * 200),
        " or ".join(["always"] * 200),
        "1" * 1900 + " > deals.open",
    ],
    ids=lambda text: text[:12],
)
def test_any_depth_is_refused_not_crashed(text: str) -> None:
    _assert_policy_or_error(policy_with_rule(text))


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=20_000, deadline=None)
@given(st.sampled_from(presets.names()), st.randoms(use_true_random=False), st.lists(TOKENS))
def test_none_of_twenty_thousand_policies_ends_in_a_traceback(
    name: str, random_source: random.Random, words: list[str]
) -> None:
    _assert_policy_or_error(mutate(presets.policy_text(name), random_source))
    _assert_policy_or_error(policy_with_rule(" ".join(words)))


FORBIDDEN_NAMES = (
    "__class__",
    "__import__",
    "open",
    "exec",
    "eval",
    "os",
    "globals",
    "self",
    "lambda",
)


@pytest.mark.parametrize("name", FORBIDDEN_NAMES)
@pytest.mark.parametrize(
    "text",
    ["{0} == 1", "stage.{0} == 1", "contact.email.{0} == 1", "{0}(1) == 1", "stage[{0}] == 1"],
)
def test_nothing_outside_of_the_facts_is_reached(name: str, text: str) -> None:
    with pytest.raises(PolicyError):
        bind(
            load_policy(
                policy_with_rule(text.format(name)),
                source="p.yaml",
                preset_text=presets.policy_text,
            ),
            PORTAL,
        )
