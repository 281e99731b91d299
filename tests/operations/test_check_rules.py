"""The check-up names the validation rules on what is written, and says what HubSpot keeps back."""

from __future__ import annotations

from connector.config.presets import policy_text
from connector.core.model import STAGE, ObjectType
from connector.core.policy.load import load_policy
from connector.errors import TemporaryError
from connector.operations.check_rules import check_rules
from connector.operations.finding import CheckResult, Finding
from tests.fakes.connected_portal import ConnectedPortal

MARKED = (
    "extends: standard\nsettings: {churn: {practice: back-to-sales, mark: former, "
    "company_mark: former_co}}"
)


def findings(portal: ConnectedPortal, policy: str = "extends: standard") -> dict[str, Finding]:
    loaded_policy = load_policy(policy, source="test.yaml", preset_text=policy_text)
    return {finding.name: finding for finding in check_rules(portal.api, loaded_policy)}


def test_rules_on_what_is_not_written_matter_not(portal: ConnectedPortal) -> None:
    portal.api.rules = {
        ObjectType.CONTACTS: {"zip": ("ALPHANUMERIC",), STAGE: (), "former": ("FORMAT",)}
    }
    by_name = findings(portal)
    assert {finding.result for finding in by_name.values()} == {CheckResult.OK}
    assert by_name["required properties"].message.startswith("unknown: HubSpot's API does not tell")


def test_rules_on_what_is_written_are_named_with_their_kinds(portal: ConnectedPortal) -> None:
    portal.api.rules = {
        ObjectType.CONTACTS: {"former": ("FORMAT", "MAX_LENGTH")},
        ObjectType.COMPANIES: {"former_co": ("REGEX",)},
    }
    by_name = findings(portal, MARKED)
    assert by_name["rules of contacts"].result is CheckResult.WARNING
    assert by_name["rules of contacts"].message.startswith("former (FORMAT, MAX_LENGTH): ")
    assert by_name["rules of companies"].message.startswith("former_co (REGEX): ")


def test_rules_that_cannot_be_read_leave_those_of_the_other_type(portal: ConnectedPortal) -> None:
    portal.api.fail("rules", TemporaryError("later"))
    by_name = findings(portal)
    assert by_name["rules of contacts"].message == "could not be checked: later"
    assert by_name["rules of companies"].result is CheckResult.OK
