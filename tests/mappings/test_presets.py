"""Every shipped policy passes its cases; each rule wins in one case and loses in another."""

from __future__ import annotations

import pytest

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.lint.cases import CaseResult, case_results
from connector.core.lint.default_portal import default_portal
from connector.core.lint.unguarded_rules import own_entries
from connector.core.policy.load import Policy
from connector.core.policy.read_settings import default_settings, read_settings
from connector.core.yaml.nodes import Section, read_yaml

NAMES = presets.names()


def _case_results(name: str) -> tuple[CaseResult, ...]:
    source = f"{name}.cases.yaml"
    results = case_results(
        presets.cases_text(name), source=source, policy=presets.load_preset(name)
    )
    return tuple(results)


def test_the_standard_policy_ships() -> None:
    assert "standard" in NAMES
    assert not any(name.endswith(".cases") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_passes_its_cases(name: str) -> None:
    failed = [
        (str(result.place), result.name, result.differences)
        for result in _case_results(name)
        if result.differences
    ]
    assert failed == []


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_a_preset_fires_in_one_case_and_is_silent_in_another(name: str) -> None:
    policy, results = presets.load_preset(name), _case_results(name)
    applied_rules = [
        {*result.decision.rules, *(correction.rule for correction in result.decision.corrections)}
        for result in results
    ]
    keeping_rows = {row.name for row in policy.rows if not _changes_status(row.lead_status.words)}
    for rule in {entry.name for entry in own_entries(policy)} - keeping_rows:
        assert any(rule in rules for rules in applied_rules), f"no case in which {rule} fires"
        assert any(rule not in rules for rules in applied_rules), (
            f"no case in which {rule} is silent"
        )


def _changes_status(targets: tuple[object, ...]) -> bool:
    return any(getattr(target, "text", "") != "keep" for target in targets)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_binds_to_a_new_portal_without_a_warning(name: str) -> None:
    assert bind(presets.load_preset(name), default_portal()).warnings == ()


def test_the_standard_policy_says_what_the_settings_are_by_default() -> None:
    root = read_yaml(presets.policy_text("standard"), source="standard.yaml")
    assert isinstance(root, Section)
    node = root.get("settings")
    assert node is not None
    written = read_settings(node, own=False)
    assert set(written) == set(default_settings())
    for name, setting in default_settings().items():
        if name not in {"scope", "follow_up.fit"}:  # conditions, always and never
            assert (written[name].texts, written[name].plain_value) == (
                setting.texts,
                setting.plain_value,
            )


@pytest.mark.parametrize("load_text", [presets.policy_text, presets.cases_text])
def test_a_preset_that_does_not_ship_is_refused_with_the_names_of_those_that_do(
    load_text: object,
) -> None:
    assert callable(load_text)
    with pytest.raises(LookupError, match="standard"):
        load_text("../secrets")


@pytest.mark.parametrize("removed", [rule.name for rule in presets.load_preset("standard").rules])
def test_a_case_notices_when_a_rule_is_taken_out(removed: str) -> None:
    text = (
        f"extends: standard\nrules:\n  - {{name: {removed}, when: never, stage: keep, reason: x}}\n"
    )
    assert _some_case_fails(text), f"no case notices that {removed} is gone"


@pytest.mark.parametrize("removed", [row.name for row in presets.load_preset("standard").rows])
def test_a_case_notices_when_a_row_is_taken_out(removed: str) -> None:
    row = f"{{name: {removed}, when: never, lead_status: keep, reason: x}}"
    assert _some_case_fails(f"extends: standard\nlead_status:\n  - {row}\n")


def _some_case_fails(text: str) -> bool:
    from connector.core.policy.load import load_policy

    policy: Policy = load_policy(
        text, source="p.yaml", preset_text=presets.policy_text, is_preset=True
    )
    results = case_results(presets.cases_text("standard"), source="c.yaml", policy=policy)
    return any(result.differences for result in results)
