"""Requests about workflows: the list of them, and whole ones."""

from __future__ import annotations

from connector.sandbox.call import JSON, Answer, Call

_LISTED_FIELDS = ("id", "isEnabled", "flowType", "name", "objectTypeId", "revisionId")


def list_workflows(call: Call) -> Answer:
    """Answer a page of workflows, without what they do."""
    limit = call.number_param("limit", default=20, maximum=100)
    start = int(call.request.params.get("after") or 0)
    workflows = call.portal.workflows
    rows = [
        {name: workflow[name] for name in _LISTED_FIELDS}
        for workflow in workflows[start : start + limit]
    ]
    answer: JSON = {"results": rows}
    if start + limit < len(workflows):
        answer["paging"] = {"next": {"after": str(start + limit), "link": ""}}
    return Answer(body=answer)


def batch_read(call: Call) -> Answer:
    """Answer whole workflows by their ids."""
    requested_ids = {str(item["flowId"]) for item in call.body["inputs"]}
    workflows = [workflow for workflow in call.portal.workflows if workflow["id"] in requested_ids]
    return Answer(body={"status": "COMPLETE", "results": workflows})


def workflow_json(number: int, name: str, type_id: str, criteria: JSON, *, enabled: bool) -> JSON:
    """Return a workflow as HubSpot tells it (its guide to the workflows API)."""
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
