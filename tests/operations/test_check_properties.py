"""The check-up of properties names what the policy needs and the portal does not have so."""

from __future__ import annotations

from dataclasses import replace

from connector.config.presets import policy_text
from connector.core.model import STAGE, ObjectType, Option, Portal, PropertyDefinition
from connector.core.policy.load import load_policy
from connector.operations.check_properties import check_properties
from connector.operations.finding import CheckResult, Finding
from tests.fakes.connected_portal import example_portal

CONTACTS = ObjectType.CONTACTS


def findings(portal: Portal, policy: str = "extends: standard") -> dict[str, Finding]:
    loaded_policy = load_policy(policy, source="test.yaml", preset_text=policy_text)
    return {finding.name: finding for finding in check_properties(loaded_policy, portal)}


def with_definition(definition: PropertyDefinition) -> Portal:
    portal = example_portal()
    contacts = {**portal.definitions[CONTACTS], definition.name: definition}
    return replace(portal, definitions={**portal.definitions, CONTACTS: contacts})


def test_a_portal_that_has_every_property_is_well() -> None:
    (finding,) = findings(example_portal()).values()
    assert (finding.name, finding.result) == ("properties", CheckResult.OK)
    assert finding.section == "properties"


def test_a_property_that_is_not_listed_may_be_missing_or_sensitive() -> None:
    portal = example_portal()
    contacts = {
        name: definition
        for name, definition in portal.definitions[CONTACTS].items()
        if name != STAGE
    }
    bare_portal = replace(portal, definitions={**portal.definitions, CONTACTS: contacts})
    (finding,) = findings(bare_portal).values()
    assert (finding.name, finding.result) == ("contacts.lifecyclestage", CheckResult.WARNING)
    assert "sensitive" in finding.message


def test_a_definition_that_cannot_be_read_is_named_with_the_reason() -> None:
    portal = replace(example_portal(), unreadable={"contacts.lifecyclestage": "its type is odd"})
    finding = findings(portal)["contacts.lifecyclestage"]
    assert finding.result is CheckResult.FAIL
    assert "its type is odd" in finding.message


def test_a_stage_that_is_read_only_is_wrong() -> None:
    stage = replace(example_portal().definitions[CONTACTS][STAGE], read_only=True)
    finding = findings(with_definition(stage))["contacts.lifecyclestage"]
    assert finding.result is CheckResult.FAIL
    assert "no correction can be written" in finding.message


def test_a_property_without_options_is_named_also_where_all_are_hidden() -> None:
    stage = example_portal().definitions[CONTACTS][STAGE]
    hidden = Option(value="lead", label="Lead", order=0, hidden=True)
    for options in ((), (hidden,)):
        finding = findings(with_definition(replace(stage, options=options)))
        assert "has no options" in finding["contacts.lifecyclestage"].message
        assert finding["contacts.lifecyclestage"].result is CheckResult.WARNING
