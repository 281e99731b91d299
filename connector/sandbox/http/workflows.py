"""Requests about workflows: the list of them, and whole ones."""

from __future__ import annotations

from connector.sandbox.http.call import JSON, Answer, Call

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
