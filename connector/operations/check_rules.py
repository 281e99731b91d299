"""Check which validation rules of the portal stand on what the connector writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.core.model import STAGE, STATUS, ObjectType
from connector.core.policy.load import Policy
from connector.errors import ConnectorError
from connector.hubspot.api import HubSpotApi
from connector.operations.finding import CheckResult, Finding, unchecked

_SECTION = "properties"


def check_rules(api: HubSpotApi, policy: Policy) -> Iterator[Finding]:
    """Yield the rules on each property that is written, and what HubSpot does not tell.

    One request for contacts, one for companies.
    """
    for object_type, names in _written(policy).items():
        try:
            rules = api.property_rules(object_type)
        except ConnectorError as error:
            yield unchecked(f"rules of {object_type}", error, _SECTION)
            continue
        named_rules = [
            f"{name} ({', '.join(rules[name])})" for name in names if rules.get(name, ())
        ]
        if named_rules:
            message = (
                f"{', '.join(named_rules)}: a correction that breaks such a rule may be refused; "
                "look at the property's rules in Settings > Properties"
            )
        else:
            message = "no validation rule stands on what is written"
        result = CheckResult.WARNING if named_rules else CheckResult.OK
        name = f"rules of {object_type}"
        yield Finding(name=name, result=result, message=message, section=_SECTION)
    message = (
        f"unknown: HubSpot's API does not tell which properties are required. {_ask_text(api)} A "
        "record whose correction is refused for one is set aside: `connector quarantine list` "
        "says why"
    )
    yield Finding(
        name="required properties", result=CheckResult.OK, message=message, section=_SECTION
    )


def _ask_text(api: HubSpotApi) -> str:
    """Say when a backward move asks for its new stage before it clears the old one."""
    if api.enforces_required_properties:
        return "Each backward move asks for its new stage before it clears the old one."
    return (
        "Once HubSpot has refused a stage for one, each backward move asks for its new stage "
        "before it clears the old one."
    )


def _written(policy: Policy) -> Mapping[ObjectType, tuple[str, ...]]:
    """Return the properties that the policy lets the connector write."""
    return {
        ObjectType.CONTACTS: (STAGE, STATUS, *policy.texts("churn.mark")),
        ObjectType.COMPANIES: (STAGE, *policy.texts("churn.company_mark")),
    }
