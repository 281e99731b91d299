"""The JSON Schema accepts the shipped policies, and refuses mistakes."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest
import yaml

from connector.config import presets
from connector.core.policy.json_schema import policy_schema


@pytest.mark.parametrize("name", presets.names())
def test_every_shipped_policy_fits_the_schema_and_names_it(name: str) -> None:
    text = presets.policy_text(name)
    assert text.startswith("# yaml-language-server: $schema=policy.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), policy_schema())


@pytest.mark.parametrize(
    "text",
    [
        "settings: {hold_day: 3}",
        "settings: {after_lost: {stag: lead}}",
        "settings: {on_deal: maybe}",
        "settings: {limits: {day_share: 20}}",
        "rules: [{name: A B, when: always, stage: lead, reason: x}]",
        "rules: [{name: a, when: always, reason: x}]",
        "rule: []",
    ],
)
def test_what_is_wrong_does_not_fit_the_schema(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), policy_schema())


def test_the_schema_that_ships_is_the_one_that_the_command_prints() -> None:
    schema_file = resources.files("mappings").joinpath("policy.schema.json")
    assert json.loads(schema_file.read_text(encoding="utf-8")) == policy_schema()
