"""The one table of paths: API family → where each kind of request goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from connector.core.model import ObjectType
from connector.errors import UserError


class Route(StrEnum):
    """What a request is for; the values name it in messages and logs."""

    LIST = "list"
    SEARCH = "search"
    READ = "read"
    BATCH_READ = "batch read"
    BATCH_UPDATE = "batch update"
    ASSOCIATIONS = "associations"
    PROPERTIES = "properties"
    PROPERTY_RULES = "property rules"
    PIPELINES = "pipelines"
    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105 - the name of a request
    TASK_CREATE = "task"
    TASK_SEARCH = "task search"
    WORKFLOWS = "workflows"
    WORKFLOWS_READ = "workflows read"
    OWNERS = "owners"
    USAGE = "usage"
    TOKEN_INFO = "token info"  # noqa: S105 - the name of a request
    # What only a trial of a test account sends.
    CREATE = "create"
    ARCHIVE = "archive"
    MERGE = "merge"
    ASSOCIATE = "associate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it will be sent; `path` begins with a slash."""

    route: Route
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None

    @property
    def method(self) -> str:
        """Return GET for what has no body, else POST."""
        return "GET" if self.body is None else "POST"

    @property
    def writes(self) -> bool:
        """Return whether HubSpot changes something when it executes the request."""
        return self.route in _WRITES


TYPE_IDS: Final[Mapping[ObjectType | None, str]] = {
    ObjectType.CONTACTS: "0-1",
    ObjectType.COMPANIES: "0-2",
    ObjectType.DEALS: "0-3",
}
"""HubSpot's ids of object types (https://developers.hubspot.com/docs/guides/crm/understanding-the-crm)."""
_WRITES: Final = frozenset(
    {
        Route.BATCH_UPDATE,
        Route.TASK_CREATE,
        Route.CREATE,
        Route.ARCHIVE,
        Route.MERGE,
        Route.ASSOCIATE,
    }
)
DEFAULT_FAMILY: Final = "2026-03"


# No dated family has them but as a beta: https://developers.hubspot.com/docs/api/automation/workflows
_WORKFLOW_PATHS: Final[Mapping[Route, str]] = {
    Route.WORKFLOWS: "/automation/v4/flows",
    Route.WORKFLOWS_READ: "/automation/v4/flows/batch/read",
}


# https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview, "Validate a token"
_TOKEN_INFO_PATH: Final[Mapping[Route, str]] = {
    Route.TOKEN_INFO: "/oauth/v2/private-apps/get/access-token-info"
}


def _dated_paths(version: str) -> Mapping[Route, str]:
    return {
        Route.LIST: f"/crm/objects/{version}/{{type}}",
        Route.SEARCH: f"/crm/objects/{version}/{{type}}/search",
        Route.READ: f"/crm/objects/{version}/{{type}}/{{id}}",
        Route.BATCH_READ: f"/crm/objects/{version}/{{type}}/batch/read",
        Route.BATCH_UPDATE: f"/crm/objects/{version}/{{type}}/batch/update",
        Route.TASK_CREATE: f"/crm/objects/{version}/tasks",
        Route.TASK_SEARCH: f"/crm/objects/{version}/tasks/search",
        Route.ASSOCIATIONS: f"/crm/associations/{version}/{{type}}/{{to}}/batch/read",
        Route.PROPERTIES: f"/crm/properties/{version}/{{type}}",
        Route.PROPERTY_RULES: f"/crm/property-validations/{version}/{{type_id}}",
        Route.PIPELINES: f"/crm/pipelines/{version}/{{type}}",
        Route.ACCOUNT: f"/account-info/{version}/details",
        Route.OWNERS: f"/crm/owners/{version}",
        Route.USAGE: f"/account-info/{version}/api-usage/daily/private-apps",
        Route.CREATE: f"/crm/objects/{version}/{{type}}/batch/create",
        Route.ARCHIVE: f"/crm/objects/{version}/{{type}}/batch/archive",
        Route.MERGE: f"/crm/objects/{version}/{{type}}/merge",
        Route.ASSOCIATE: f"/crm/associations/{version}/{{type}}/{{to}}/batch/create",
        # The one dated version that HubSpot documents for tokens so far.
        Route.TOKEN: "/oauth/2026-03/token",
        **_WORKFLOW_PATHS,
        **_TOKEN_INFO_PATH,
    }


FAMILIES: Final[Mapping[str, Mapping[Route, str]]] = {
    "v3": {
        Route.LIST: "/crm/v3/objects/{type}",
        Route.SEARCH: "/crm/v3/objects/{type}/search",
        Route.READ: "/crm/v3/objects/{type}/{id}",
        Route.BATCH_READ: "/crm/v3/objects/{type}/batch/read",
        Route.BATCH_UPDATE: "/crm/v3/objects/{type}/batch/update",
        Route.TASK_CREATE: "/crm/v3/objects/tasks",
        Route.TASK_SEARCH: "/crm/v3/objects/tasks/search",
        Route.ASSOCIATIONS: "/crm/v4/associations/{type}/{to}/batch/read",
        Route.PROPERTIES: "/crm/v3/properties/{type}",
        Route.PROPERTY_RULES: "/crm/v3/property-validations/{type_id}",
        Route.PIPELINES: "/crm/v3/pipelines/{type}",
        Route.ACCOUNT: "/account-info/v3/details",
        Route.OWNERS: "/crm/v3/owners",
        Route.USAGE: "/account-info/v3/api-usage/daily/private-apps",
        Route.CREATE: "/crm/v3/objects/{type}/batch/create",
        Route.ARCHIVE: "/crm/v3/objects/{type}/batch/archive",
        Route.MERGE: "/crm/v3/objects/{type}/merge",
        Route.ASSOCIATE: "/crm/v4/associations/{type}/{to}/batch/create",
        Route.TOKEN: "/oauth/v3/token",
        **_WORKFLOW_PATHS,
        **_TOKEN_INFO_PATH,
    },
    "2026-03": _dated_paths("2026-03"),
    "2026-09": _dated_paths("2026-09"),
}


# Conditional required properties are enforced on API writes since 2026-09
# (https://developers.hubspot.com/changelog/crm-api-write-validation-enforcement).
_ENFORCING_FAMILIES: Final = frozenset({"2026-09"})


@dataclass(frozen=True, slots=True)
class Routes:
    """The paths of one API family."""

    family: str = DEFAULT_FAMILY

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            known = ", ".join(FAMILIES)
            raise UserError(
                f"HUBSPOT_API_VERSION is {self.family!r}, which is none of {known}: set one of them"
            )

    @property
    def enforces_rules(self) -> bool:
        """Return whether writes of this family must fulfil the portal's validation rules."""
        return self.family in _ENFORCING_FAMILIES

    def path(
        self,
        route: Route,
        object_type: ObjectType | None = None,
        to: ObjectType | None = None,
        record_id: str = "",
    ) -> str:
        """Return the path of a request.

        >>> Routes("v3").path(Route.SEARCH, ObjectType.DEALS)
        '/crm/v3/objects/deals/search'
        """
        return FAMILIES[self.family][route].format(
            type=object_type, type_id=TYPE_IDS.get(object_type), to=to, id=record_id
        )
