"""Build the requests that create and find tasks, and parse their answers."""

from __future__ import annotations

from typing import Final

from connector.core.follow_up.tasks import Task
from connector.hubspot.codec.parsing import success_body
from connector.hubspot.http.response import Answer

_SUBJECT: Final = "hs_task_subject"
# From a task to its contact: https://developers.hubspot.com/docs/api-reference/latest/crm/associations/associate-records/guide
_TO_CONTACT: Final = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}


def create_body(task: Task) -> dict[str, object]:
    """Return the body that creates a task."""
    return {
        "properties": {
            "hs_timestamp": task.due_at.isoformat().replace("+00:00", "Z"),
            _SUBJECT: task.subject,
            "hs_task_body": task.body,
            "hs_task_status": "NOT_STARTED",
            "hs_task_type": "TODO",
            "hubspot_owner_id": task.owner,
        },
        "associations": [{"to": {"id": task.contact.id}, "types": [_TO_CONTACT]}],
    }


def parse_created_id(answer: Answer) -> str:
    """Parse the id of the task that was created."""
    with success_body("task", answer) as body:
        return str(body["id"])


def search_body(subject: str) -> dict[str, object]:
    """Return the body that searches the tasks with a subject."""
    by_subject = {"propertyName": _SUBJECT, "operator": "EQ", "value": subject}
    return {"filterGroups": [{"filters": [by_subject]}], "properties": [_SUBJECT], "limit": 10}


def parse_found_id(answer: Answer, subject: str) -> str | None:
    """Return the id of the task with exactly this subject, None where there is none."""
    with success_body("search", answer) as body:
        matches = (
            result for result in body["results"] if result["properties"].get(_SUBJECT) == subject
        )
        return next((str(result["id"]) for result in matches), None)
