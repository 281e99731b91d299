"""Workflows as HubSpot's API answers them, with the criteria by which they enrol records."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]


def workflow_json(number: int, name: str, type_id: str, criteria: JSON, *, enabled: bool) -> JSON:
    """Return a workflow as HubSpot's guide to the workflows API shows it."""
    return {
        "id": str(number),
        "isEnabled": enabled,
        "flowType": "WORKFLOW",
        "revisionId": "1",
        "name": name,
        "type": "CONTACT_FLOW" if type_id == "0-1" else "PLATFORM_FLOW",
        "objectTypeId": type_id,
        "actions": [],
        "enrollmentCriteria": criteria,
    }


def set_property_action(number: int, name: str, value: str | None) -> JSON:
    """Return the action of a workflow that sets a property to a fixed value, None for another's."""
    fixed_value = {"type": "STATIC_VALUE", "staticValue": value}
    other_value = {"type": "OBJECT_PROPERTY", "propertyName": "jobtitle"}
    return {
        "actionId": str(number),
        "actionTypeVersion": 0,
        "actionTypeId": "0-5",
        "type": "SINGLE_CONNECTION",
        "fields": {
            "property_name": name,
            "value": other_value if value is None else fixed_value,
        },
    }


def known_property_criteria(name: str) -> JSON:
    """Return the criteria of a workflow that enrols where a property has any value."""
    operation = {"operator": "IS_KNOWN", "operationType": "ALL_PROPERTY"}
    condition = {"property": name, "operation": operation, "filterType": "PROPERTY"}
    inner = {"filterBranches": [], "filters": [condition], "filterBranchType": "AND"}
    branch = {"filterBranches": [inner], "filters": [], "filterBranchType": "OR"}
    return {"type": "LIST_BASED", "shouldReEnroll": True, "listFilterBranch": branch}


def property_change_criteria(name: str) -> JSON:
    """Return the criteria of a workflow that enrols when a property changes."""
    operation = {"operator": "IS_EQUAL_TO", "operationType": "STRING", "value": name}
    condition = {"property": "hs_name", "operation": operation, "filterType": "PROPERTY"}
    branch = {
        "eventTypeId": "4-655002",
        "filters": [condition],
        "filterBranchType": "UNIFIED_EVENTS",
    }
    return {"type": "EVENT_BASED", "eventFilterBranches": [branch]}
