"""The table of assumptions: complete, tied to the sandbox's switches, and each with a reaction."""

from __future__ import annotations

from collections import Counter

import pytest

from connector.operations.trial.assumptions import ASSUMPTIONS
from connector.operations.trial.trial import PROBES
from connector.sandbox.portal.switches import UNCERTAIN

STAGES = {"opportunity", "customer"}


def test_every_uncertain_switch_of_the_sandbox_imitates_one_assumption() -> None:
    switches = Counter(
        assumption.switch for assumption in ASSUMPTIONS.values() if assumption.switch
    )
    assert set(switches) == set(UNCERTAIN)
    assert set(switches.values()) == {1}


@pytest.mark.parametrize("name", list(ASSUMPTIONS))
def test_an_assumption_says_why_it_matters_and_how_it_is_tried_or_why_not(name: str) -> None:
    assumption = ASSUMPTIONS[name]
    assert assumption.fact.endswith(".")
    assert assumption.matters.endswith(".")
    assert bool(assumption.tried) != bool(assumption.untried)
    assert all(reaction.product.endswith(".") for reaction in assumption.reactions)


@pytest.mark.parametrize("switch", list(UNCERTAIN))
def test_every_value_of_a_switch_has_a_reaction(switch: str) -> None:
    (assumption,) = [item for item in ASSUMPTIONS.values() if item.switch == switch]
    known = [reaction.switch_value for reaction in assumption.reactions]
    missing = [value for value in UNCERTAIN[switch] if value not in known]
    # Only a stage is open: one sentence stands for all of them.
    assert set(missing) <= STAGES
    assert assumption.otherwise or not missing


def test_every_assumption_that_can_be_tried_is_in_one_probe() -> None:
    tried = [name for _, names in PROBES for name in names]
    assert Counter(tried) == Counter(
        name for name, assumption in ASSUMPTIONS.items() if assumption.tried
    )


def test_an_answer_that_nobody_expected_is_to_be_reported() -> None:
    assumption = ASSUMPTIONS["backward-write"]
    assert "report it" in assumption.reaction_to("eaten")
    assert not assumption.is_expected("eaten")
    assert assumption.is_expected("ignored")
    assert ASSUMPTIONS["deal-won"].is_expected("customer")
    assert not ASSUMPTIONS["clear-refused"].is_expected("refused")
