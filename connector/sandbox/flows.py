"""Requests about workflows: the list of them, and whole ones."""

from __future__ import annotations

from connector.sandbox.call import JSON, Answer, Call

_LISTED = ("id", "isEnabled", "flowType", "name", "objectTypeId", "revisionId")


def list_flows(call: Call) -> Answer:
    """Answer a page of workflows, without what they do."""
    limit = call.number("limit", otherwise=20, most=100)
    start = int(call.request.params.get("after") or 0)
    every = call.portal.flows
    shown = [{name: one[name] for name in _LISTED} for one in every[start : start + limit]]
    answer: JSON = {"results": shown}
    if start + limit < len(every):
        answer["paging"] = {"next": {"after": str(start + limit), "link": ""}}
    return Answer(body=answer)


def batch_read(call: Call) -> Answer:
    """Answer whole workflows by their ids."""
    asked = {str(one["flowId"]) for one in call.body["inputs"]}
    found = [one for one in call.portal.flows if one["id"] in asked]
    return Answer(body={"status": "COMPLETE", "results": found})


def flow(number: int, name: str, type_id: str, criteria: JSON, *, enabled: bool) -> JSON:
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


def enrols_on(name: str) -> JSON:
    """Return the criteria of a workflow that enrols where a property has any value."""
    known = {"operator": "IS_KNOWN", "operationType": "ALL_PROPERTY"}
    leaf = {"property": name, "operation": known, "filterType": "PROPERTY"}
    inner = {"filterBranches": [], "filters": [leaf], "filterBranchType": "AND"}
    branch = {"filterBranches": [inner], "filters": [], "filterBranchType": "OR"}
    return {"type": "LIST_BASED", "shouldReEnroll": True, "listFilterBranch": branch}


def waits_for(name: str) -> JSON:
    """Return the criteria of a workflow that enrols when a property changes."""
    equal = {"operator": "IS_EQUAL_TO", "operationType": "STRING", "value": name}
    leaf = {"property": "hs_name", "operation": equal, "filterType": "PROPERTY"}
    branch = {"eventTypeId": "4-655002", "filters": [leaf], "filterBranchType": "UNIFIED_EVENTS"}
    return {"type": "EVENT_BASED", "eventFilterBranches": [branch]}
