"""Tasks: the body that creates one, the search for one, and what is answered."""

from __future__ import annotations

from typing import Final

from connector.core.tasks import Task
from connector.hubspot.answer import Answer
from connector.hubspot.codec.parsing import expecting

_SUBJECT: Final = "hs_task_subject"
# From a task to its contact: https://developers.hubspot.com/docs/api-reference/latest/crm/associations/associate-records/guide
_TO_CONTACT: Final = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}


def creating(task: Task) -> dict[str, object]:
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


def created(answer: Answer) -> str:
    """Read the id of the task that was created."""
    with expecting("task", answer) as body:
        return str(body["id"])


def searching(subject: str) -> dict[str, object]:
    """Return the body that searches the tasks with a subject."""
    wanted = {"propertyName": _SUBJECT, "operator": "EQ", "value": subject}
    return {"filterGroups": [{"filters": [wanted]}], "properties": [_SUBJECT], "limit": 10}


def found(answer: Answer, subject: str) -> str | None:
    """Read the id of the task with just this subject, None where there is none."""
    with expecting("search", answer) as body:
        fitting = (one for one in body["results"] if one["properties"].get(_SUBJECT) == subject)
        return next((str(one["id"]) for one in fitting), None)
