"""The answers with which HubSpot refuses, as JSON or as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

_HTML_PAGE: Final = (
    "<html>\n<head>\n"
    '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
    "<title>Error {code} {reason}</title>\n</head>\n"
    "<body><h2>HTTP ERROR {code}</h2>\n{text}\n</body>\n</html>\n"
)
SCOPES_DOCS_URL: Final = "https://developers.hubspot.com/scopes"


class RefusedError(Exception):
    """A request is refused; `body` is JSON, or HTML where it is text."""

    def __init__(
        self, status: int, body: dict[str, Any] | str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def invalid(message: str, *, status: int = 400, **details: Any) -> RefusedError:
    """Refuse with a VALIDATION_ERROR."""
    return RefusedError(
        status, {"status": "error", "message": message, **details, "category": "VALIDATION_ERROR"}
    )


def uncategorized(status: int, message: str) -> RefusedError:
    """Refuse with a message that has no category."""
    return RefusedError(status, {"status": "error", "message": message})


def html_page(status: int, reason: str, text: str, **headers: str) -> RefusedError:
    """Refuse with a page of HTML, as Jetty writes it."""
    page = _HTML_PAGE.format(code=status, reason=reason, text=text)
    return RefusedError(
        status, page, {key.replace("_", "-"): value for key, value in headers.items()}
    )


def resource_not_found() -> RefusedError:
    """Refuse a record that does not exist: 404 in HTML."""
    return html_page(404, "Not Found", "<p>Resource not found</p>", x_hubspot_notfound="true")


def non_numeric_id(record_id: str) -> RefusedError:
    """Refuse an id that is not a number: 404 in JSON."""
    body = {
        "status": "error",
        "message": "Object not found.  objectId are usually numeric.",
        "context": {"id": [record_id]},
        "category": "OBJECT_NOT_FOUND",
    }
    return RefusedError(404, body)


def email_conflict(existing: str) -> RefusedError:
    """Refuse a second contact with one e-mail."""
    message = f"Contact already exists. Existing ID: {existing}"
    return RefusedError(409, {"status": "error", "message": message, "category": "CONFLICT"})


def duplicate_ids(ids: Iterable[str]) -> RefusedError:
    """Refuse a batch that names an id twice."""
    id_list = list(ids)
    message = f"Duplicate IDs found in batch input: [{', '.join(id_list)}]. IDs must be unique"
    return invalid(message, context={"ids": id_list})


def invalid_values(problems: Sequence[dict[str, Any]]) -> RefusedError:
    """Refuse a write with values that are not valid; nothing of it is written."""
    problems_json = orjson.dumps(list(problems)).decode()
    details = [
        {
            "message": invalid_value["message"],
            "code": invalid_value["error"],
            "context": {"propertyName": [invalid_value["name"]]},
        }
        for invalid_value in problems
    ]
    return invalid(f"Property values were not valid: {problems_json}", errors=details)


def value_problem(name: str, error: str, message: str) -> dict[str, Any]:
    """Say what is wrong with one value."""
    return {"isValid": False, "message": message, "error": error, "name": name}


def not_found_entry(ids: Sequence[str], singular: str) -> dict[str, Any]:
    """Write the error entry of a batch that names ids which do not exist."""
    message = (
        f"Could not get some {singular.upper()} objects, they may be deleted or not exist."
        " Check that ids are valid."
    )
    return _error_entry("OBJECT_NOT_FOUND", message, {"ids": list(ids)})


def refused_record_entry(record_id: str, message: str) -> dict[str, Any]:
    """Write the error entry of a batch for one record that was refused."""
    return _error_entry("VALIDATION_ERROR", message, {"ids": [record_id]})


def _error_entry(category: str, message: str, context: dict[str, list[str]]) -> dict[str, Any]:
    return {"status": "error", "category": category, "message": message, "context": context}


def required_property(written: str, required: str) -> RefusedError:
    """Refuse a write because another property must have a value first."""
    message = f'Property "{required}" is required when "{written}" is changed'
    return invalid_values([value_problem(required, "REQUIRED_PROPERTY", message)])


def invalid_identifier_entry(record_id: str) -> dict[str, Any]:
    """Write the error entry of an association read for an id that HubSpot does not take."""
    entry = _error_entry("VALIDATION_ERROR", f"{record_id} is not a valid ID", {"id": [record_id]})
    return entry | {"subCategory": "crm.associations.INVALID_IDENTIFIER"}


def unauthorized() -> RefusedError:
    """Refuse a missing or wrong token."""
    body = {
        "status": "error",
        "message": "Authentication credentials not found.",
        "category": "INVALID_AUTHENTICATION",
    }
    return RefusedError(401, body)


def missing_scopes(scopes: Iterable[str]) -> RefusedError:
    """Refuse a token that lacks every one of the scopes that would do."""
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": sorted(scopes)},
    }
    message = (
        "This app hasn't been granted all required scopes to make this call."
        f" Read more about required scopes here: {SCOPES_DOCS_URL}."
    )
    body = {
        "status": "error",
        "message": message,
        "errors": [detail],
        "links": {"scopes": SCOPES_DOCS_URL},
        "category": "MISSING_SCOPES",
    }
    return RefusedError(403, body)


def rate_limited(policy: str, *, group: str = "", retry_after: float | None = None) -> RefusedError:
    """Refuse because a limit is reached: SECONDLY, TEN_SECONDLY_ROLLING or DAILY."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "policyName": policy,
    }
    if group:
        body["groupName"] = group
    retry_header = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return RefusedError(429, body, retry_header)
