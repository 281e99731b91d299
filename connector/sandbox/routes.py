"""One table of what the box serves: method and path to handler, in every API family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from connector.sandbox import flows, links, metadata, objects, updates
from connector.sandbox.call import Answer, Call

Handler = Callable[[Call], Answer]
DATED: Final = frozenset({"2026-03", "2026-09"})
_WORDS: Final = frozenset({"search", "merge", "gdpr-delete"})  # not ids, though they stand there


@dataclass(frozen=True, slots=True)
class Route:
    """One request that is served; `access` is what the token must be allowed."""

    name: str
    method: str
    pattern: str
    handler: Handler
    access: str = "read"

    @property
    def writes(self) -> bool:
        """Tell whether the request changes records."""
        return self.access == "write"


class Match(NamedTuple):
    """A route that was found, with the names in the path and the API family."""

    route: Route
    names: Mapping[str, str]
    family: str


_W: Final = "write"
_ONE: Final = "objects/{from}/{id}/associations"
_PAIR: Final = "associations/{from}/{to}/batch"
_TYPE: Final = "objects/{type}"
ROUTES: Final = (
    Route("search", "POST", _TYPE + "/search", objects.search_page),
    Route("batch_read", "POST", _TYPE + "/batch/read", objects.batch_read),
    Route("batch_update", "POST", _TYPE + "/batch/update", updates.batch_update, _W),
    Route("batch_create", "POST", _TYPE + "/batch/create", updates.batch_create, _W),
    Route("batch_archive", "POST", _TYPE + "/batch/archive", updates.batch_archive, _W),
    Route("merge", "POST", _TYPE + "/merge", updates.merge, _W),
    Route("gdpr_delete", "POST", _TYPE + "/gdpr-delete", updates.delete_for_privacy, _W),
    Route("list", "GET", _TYPE, objects.list_page),
    Route("create", "POST", _TYPE, updates.create_one, _W),
    Route("read", "GET", _TYPE + "/{id}", objects.read_one),
    Route("update", "PATCH", _TYPE + "/{id}", updates.update_one, _W),
    Route("archive", "DELETE", _TYPE + "/{id}", updates.archive_one, _W),
    Route("associations", "GET", _ONE + "/{to}", links.read_of_one),
    Route("associate", "PUT", _ONE + "/{to}/{to_id}", links.link_one, _W),
    Route("associate", "PUT", _ONE + "/default/{to}/{to_id}", links.link_one, _W),
    Route("dissociate", "DELETE", _ONE + "/{to}/{to_id}", links.unlink_one, _W),
    Route("associations", "POST", _PAIR + "/read", links.batch_read),
    Route("associate", "POST", _PAIR + "/create", links.batch_create, _W),
    Route("dissociate", "POST", _PAIR + "/archive", links.batch_archive, _W),
    Route("associate", "POST", "v3/" + _PAIR + "/create", links.batch_create_v3, _W),
    Route("properties", "GET", "properties/{type}", metadata.list_properties, "schema"),
    Route("create_property", "POST", "properties/{type}", metadata.create_property, "schema"),
    Route("property", "GET", "properties/{type}/{name}", metadata.read_property, "schema"),
    Route("pipelines", "GET", "pipelines/{type}", metadata.list_pipelines, "any"),
    Route("pipelines", "GET", "pipelines/{type}/{name}", metadata.read_pipeline, "any"),
    Route("owners", "GET", "owners", metadata.list_owners, "owners"),
    Route("account", "GET", "account-info/details", metadata.account, ""),
    Route("flows", "GET", "automation/flows", flows.list_flows, "automation"),
    Route("flows_read", "POST", "automation/flows/batch/read", flows.batch_read, "automation"),
    Route("usage", "GET", "account-info/api-usage/daily/private-apps", metadata.usage, ""),
)


def match(method: str, path: str) -> tuple[Match | None, list[str]]:
    """Find the route of a request; where only the method is wrong, name those that are right."""
    family, rest = _parsed(path)
    allowed: list[str] = []
    for route in ROUTES if family else ():
        names = _names(route.pattern, rest)
        if names is None or names.get("id") in _WORDS:
            continue
        if route.method == method:
            return Match(route, names, family), []
        allowed.append(route.method)
    return None, allowed


def _parsed(path: str) -> tuple[str, str]:
    """Split a path into its family and the rest; no family where it is none of ours."""
    parts = path.strip("/").split("/")
    if parts[0] == "account-info" and len(parts) > 1:
        return parts[1] if parts[1] in {"v3", *DATED} else "", "/".join([parts[0], *parts[2:]])
    if parts[:2] == ["automation", "v4"]:
        return "v3", "/".join([parts[0], *parts[2:]])
    if parts[0] != "crm" or len(parts) < 3:
        return "", ""
    if parts[2] in DATED:
        return parts[2], "/".join([parts[1], *parts[3:]])
    rest = "/".join(parts[2:])
    if parts[1] == "v3":
        return "v3", f"v3/{rest}" if parts[2] == "associations" else rest
    return ("v3" if parts[1] == "v4" and "associations" in parts else ""), rest


def _names(pattern: str, rest: str) -> dict[str, str] | None:
    wanted, given = pattern.split("/"), rest.split("/")
    if len(wanted) != len(given):
        return None
    names: dict[str, str] = {}
    for one, part in zip(wanted, given, strict=True):
        if one.startswith("{"):
            names[one[1:-1]] = part
        elif one != part:
            return None
    return names
