"""Every policy that ships passes its cases, and every rule of it has a case on either side."""

from __future__ import annotations

import pytest

from connector import presets
from connector.core.binding import bind
from connector.core.cases import Result, run_cases
from connector.core.default_portal import default_portal
from connector.core.mutations import own_entries
from connector.core.policy import Policy
from connector.core.policy_settings import defaults, read_settings
from connector.core.yamlfile import Section, read

NAMES = presets.names()


def _results(name: str) -> tuple[Result, ...]:
    source = f"{name}.cases.yaml"
    return run_cases(presets.cases(name), source=source, policy=presets.policy(name))


def test_the_standard_policy_ships() -> None:
    assert "standard" in NAMES
    assert not any(name.endswith(".cases") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_passes_its_cases(name: str) -> None:
    failed = [
        (str(one.mark), one.name, one.differences) for one in _results(name) if one.differences
    ]
    assert failed == []


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_a_preset_fires_in_one_case_and_is_silent_in_another(name: str) -> None:
    policy, results = presets.policy(name), _results(name)
    fired = [{*one.decision.rules, *(c.rule for c in one.decision.corrections)} for one in results]
    keeping = {one.name for one in policy.rows if not _changes(one.lead_status.words)}
    for rule in {one.name for one in own_entries(policy)} - keeping:
        assert any(rule in one for one in fired), f"no case in which {rule} fires"
        assert any(rule not in one for one in fired), f"no case in which {rule} is silent"


def _changes(words: tuple[object, ...]) -> bool:
    return any(getattr(word, "text", "") != "keep" for word in words)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_binds_to_a_new_portal_without_a_warning(name: str) -> None:
    assert bind(presets.policy(name), default_portal()).warnings == ()


def test_the_standard_policy_says_what_the_settings_are_by_default() -> None:
    root = read(presets.preset("standard"), source="standard.yaml")
    assert isinstance(root, Section)
    node = root.get("settings")
    assert node is not None
    said = read_settings(node, own=False)
    assert set(said) == set(defaults())
    for name, setting in defaults().items():
        if name != "scope":
            assert (said[name].texts, said[name].plain) == (setting.texts, setting.plain)


@pytest.mark.parametrize("ask", [presets.preset, presets.cases])
def test_a_preset_that_does_not_ship_is_refused_with_the_names_of_those_that_do(
    ask: object,
) -> None:
    assert callable(ask)
    with pytest.raises(LookupError, match="standard"):
        ask("../secrets")


@pytest.mark.parametrize("gone", [one.name for one in presets.policy("standard").rules])
def test_a_case_notices_when_a_rule_is_taken_out(gone: str) -> None:
    text = f"extends: standard\nrules:\n  - {{name: {gone}, when: never, stage: keep, reason: x}}\n"
    assert _fails_with(text), f"no case notices that {gone} is gone"


@pytest.mark.parametrize("gone", [one.name for one in presets.policy("standard").rows])
def test_a_case_notices_when_a_row_is_taken_out(gone: str) -> None:
    row = f"{{name: {gone}, when: never, lead_status: keep, reason: x}}"
    assert _fails_with(f"extends: standard\nlead_status:\n  - {row}\n")


def _fails_with(text: str) -> bool:
    from connector.core.policy import load

    policy: Policy = load(text, source="p.yaml", preset=presets.preset, shipped=True)
    results = run_cases(presets.cases("standard"), source="c.yaml", policy=policy)
    return any(one.differences for one in results)
