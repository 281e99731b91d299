"""All requests that the sandbox serves: method and path to handler, in every API family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from connector.sandbox.http import associations, definitions, reads, updates, workflows
from connector.sandbox.http.call import Answer, Call

Handler = Callable[[Call], Answer]
DATED_VERSIONS: Final = frozenset({"2026-03", "2026-09"})
_RESERVED_SEGMENTS: Final = frozenset(
    {"search", "merge", "gdpr-delete"}
)  # not ids, though they stand there


@dataclass(frozen=True, slots=True)
class Route:
    """One request that is served; `access` is what the token must be allowed."""

    name: str
    method: str
    pattern: str
    handler: Handler
    access: str = "read"

    @property
    def is_write(self) -> bool:
        """Return whether the request changes records."""
        return self.access == "write"


class RouteMatch(NamedTuple):
    """A route that was found, with the names in the path and the API family."""

    route: Route
    path_params: Mapping[str, str]
    family: str


_WRITE: Final = "write"
_RECORD: Final = "objects/{from}/{id}/associations"
_PAIR: Final = "associations/{from}/{to}/batch"
_TYPE: Final = "objects/{type}"
_RULES: Final = "property-validations/{type}"
_PRIVATE_APP_INFO: Final = "oauth/private-apps/get/access-token-info"
ROUTES: Final = (
    Route("search", "POST", _TYPE + "/search", reads.search_page),
    Route("batch_read", "POST", _TYPE + "/batch/read", reads.batch_read),
    Route("batch_update", "POST", _TYPE + "/batch/update", updates.batch_update, _WRITE),
    Route("batch_create", "POST", _TYPE + "/batch/create", updates.batch_create, _WRITE),
    Route("batch_archive", "POST", _TYPE + "/batch/archive", updates.batch_archive, _WRITE),
    Route("merge", "POST", _TYPE + "/merge", updates.merge, _WRITE),
    Route("gdpr_delete", "POST", _TYPE + "/gdpr-delete", updates.delete_for_privacy, _WRITE),
    Route("list", "GET", _TYPE, reads.list_page),
    Route("create", "POST", _TYPE, updates.create_record, _WRITE),
    Route("read", "GET", _TYPE + "/{id}", reads.read_record),
    Route("update", "PATCH", _TYPE + "/{id}", updates.update_record, _WRITE),
    Route("archive", "DELETE", _TYPE + "/{id}", updates.archive_record, _WRITE),
    Route("associations", "GET", _RECORD + "/{to}", associations.read_links),
    Route("associate", "PUT", _RECORD + "/{to}/{to_id}", associations.link_records, _WRITE),
    Route("associate", "PUT", _RECORD + "/default/{to}/{to_id}", associations.link_records, _WRITE),
    Route("dissociate", "DELETE", _RECORD + "/{to}/{to_id}", associations.unlink_records, _WRITE),
    Route("associations", "POST", _PAIR + "/read", associations.batch_read),
    Route("associate", "POST", _PAIR + "/create", associations.batch_create, _WRITE),
    Route("dissociate", "POST", _PAIR + "/archive", associations.batch_archive, _WRITE),
    Route("associate", "POST", "v3/" + _PAIR + "/create", associations.batch_create_v3, _WRITE),
    Route("properties", "GET", "properties/{type}", definitions.list_properties, "schema"),
    Route("create_property", "POST", "properties/{type}", definitions.create_property, "schema"),
    Route("property", "GET", "properties/{type}/{name}", definitions.read_property, "schema"),
    Route("rules", "GET", _RULES, definitions.list_property_rules, "schema"),
    Route("pipelines", "GET", "pipelines/{type}", definitions.list_pipelines, "any"),
    Route("pipelines", "GET", "pipelines/{type}/{name}", definitions.read_pipeline, "any"),
    Route("owners", "GET", "owners", definitions.list_owners, "owners"),
    Route("account", "GET", "account-info/details", definitions.read_account, ""),
    Route("token_info", "POST", _PRIVATE_APP_INFO, definitions.read_token, ""),
    Route("flows", "GET", "automation/flows", workflows.list_workflows, "automation"),
    Route("flows_read", "POST", "automation/flows/batch/read", workflows.batch_read, "automation"),
    Route("usage", "GET", "account-info/api-usage/daily/private-apps", definitions.read_usage, ""),
)


def find_route(method: str, path: str) -> tuple[RouteMatch | None, list[str]]:
    """Find the route of a request; where only the method is wrong, name those that are right."""
    family, resource = _split_path(path)
    allowed_methods: list[str] = []
    for route in ROUTES if family else ():
        path_params = _parse_path_params(route.pattern, resource)
        if path_params is None or path_params.get("id") in _RESERVED_SEGMENTS:
            continue
        if route.method == method:
            return RouteMatch(route, path_params, family), []
        allowed_methods.append(route.method)
    return None, allowed_methods


def _split_path(path: str) -> tuple[str, str]:
    """Split a path into its family and the rest; no family where the sandbox serves none."""
    parts = path.strip("/").split("/")
    # /account-info/v3/details
    if parts[0] == "account-info" and len(parts) > 1:
        return parts[1] if parts[1] in {"v3", *DATED_VERSIONS} else "", "/".join(
            [parts[0], *parts[2:]]
        )
    # /automation/v4/flows and /oauth/v2/private-apps, which have no other version
    if parts[:2] in (["automation", "v4"], ["oauth", "v2"]):
        return "v3", "/".join([parts[0], *parts[2:]])
    # /crm/objects/2026-03/contacts
    if parts[0] != "crm" or len(parts) < 3:
        return "", ""
    if parts[2] in DATED_VERSIONS:
        return parts[2], "/".join([parts[1], *parts[3:]])
    # /crm/v3/objects/contacts, and /crm/v4/associations/contacts/deals
    resource = "/".join(parts[2:])
    if parts[1] == "v3":
        return "v3", f"v3/{resource}" if parts[2] == "associations" else resource
    return ("v3" if parts[1] == "v4" and "associations" in parts else ""), resource


def _parse_path_params(pattern: str, resource: str) -> dict[str, str] | None:
    pattern_parts, path_parts = pattern.split("/"), resource.split("/")
    if len(pattern_parts) != len(path_parts):
        return None
    path_params: dict[str, str] = {}
    for pattern_part, part in zip(pattern_parts, path_parts, strict=True):
        if pattern_part.startswith("{"):
            path_params[pattern_part[1:-1]] = part
        elif pattern_part != part:
            return None
    return path_params
