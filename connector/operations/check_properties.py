"""Check the definitions of the properties that a policy names: there, readable, with options."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.model import STAGE, STATUS, ObjectType, Portal, PropertyDefinition
from connector.core.policy.load import Policy
from connector.operations.finding import CheckResult, Finding

_WRITTEN = {
    ObjectType.CONTACTS: (STAGE, STATUS),
    ObjectType.COMPANIES: (STAGE,),
    ObjectType.DEALS: (),
}


def check_properties(policy: Policy, portal: Portal) -> Iterator[Finding]:
    """Yield what is wrong with properties that the policy names, or that all is well."""
    findings: list[Finding] = []
    count = 0
    for object_type, names in policy.properties().items():
        for name in sorted({*names, *_WRITTEN[object_type]}):
            count += 1
            key = f"{object_type}.{name}"
            definition = portal.definitions.get(object_type, {}).get(name)
            result, message = _judge(portal, object_type, name, definition)
            if message:
                findings.append(
                    Finding(name=key, result=result, message=message, section="properties")
                )
    yield from findings
    if not findings:
        message = f"all {count} that the policy names are there, and can be read"
        yield Finding(
            name="properties", result=CheckResult.OK, message=message, section="properties"
        )


def _judge(
    portal: Portal, object_type: ObjectType, name: str, definition: PropertyDefinition | None
) -> tuple[CheckResult, str]:
    """Return how bad a definition is, and what is wrong with it; "" where nothing is."""
    is_written = name in _WRITTEN[object_type]
    # Its definition was left out of the portal's as HubSpot sent it.
    if reason := portal.unreadable.get(f"{object_type}.{name}"):
        return CheckResult.FAIL, f"cannot be read ({reason}): save it anew in HubSpot"
    # HubSpot's list leaves sensitive properties out, so both look alike.
    if definition is None:
        message = (
            "is not in this portal, or it is a sensitive property, which HubSpot's list leaves "
            "out: create it, name another in the policy, or make it an ordinary one"
        )
        return CheckResult.WARNING, message
    if is_written and definition.read_only:
        message = (
            "is read-only, so no correction can be written: look at its settings in Settings > "
            "Properties"
        )
        return CheckResult.FAIL, message
    if definition.type == "enumeration" and not any(
        not option.hidden for option in definition.options
    ):
        return CheckResult.WARNING, "has no options: no rule that compares it can be true"
    return CheckResult.OK, ""
