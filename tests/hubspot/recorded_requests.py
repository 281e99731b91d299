"""Find the request of ours that a recorded answer belongs to, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from connector.core.model import ObjectType
from connector.hubspot.http.routes import FAMILIES, Route
from tests.recorded.recordings import RecordedAnswer


class RequestKind(NamedTuple):
    """What was asked for: `kind` is contacts where the request names no type of ours."""

    route: Route
    kind: ObjectType


GET_ROUTES: Final = frozenset(
    {
        *(Route.LIST, Route.READ, Route.PROPERTIES, Route.PROPERTY_RULES),
        *(Route.PIPELINES, Route.ACCOUNT, Route.USAGE),
    }
)
# A trial takes the answers as they come: none of them is parsed.
_TRIAL_ROUTES: Final = frozenset(
    {Route.CREATE, Route.ARCHIVE, Route.MERGE, Route.ASSOCIATE, Route.USAGE}
)

# What is filed under a request that cannot have had this answer.
MISFILED: Final[Mapping[str, RequestKind | str]] = {
    "amp-labs/read-objects-api-contacts-batch.json": RequestKind(
        Route.BATCH_READ, ObjectType.CONTACTS
    ),
    "amp-labs/read-via-search-campaigns-response.json": (
        "it is filed under a search of contacts, but holds campaigns"
    ),
}

# Method, path, and why the client never sends such a request; the first that fits.
_NEVER_SENT: Final = (
    ("GET|POST", r"/marketing/.*", "campaigns are never asked for"),
    ("GET", r"/crm-object-schemas/.*|/crm/v3/schemas", "object schemas are never asked for"),
    (".*", r"/crm/v3/objects/(tickets|tasks|products)(/.*)?", "tickets and such are not read"),
    ("POST", r".*/batch/archive", "only a trial deletes"),
    ("DELETE", r".*", "only a trial deletes"),
    ("POST", r".*/batch/create", "only a trial creates"),
    ("POST", r"/crm/v3/(objects|properties)/\w+", "only a trial creates"),
    ("PATCH", r"/crm/v3/objects/\w+/\d+", "the client updates in batches"),
    ("GET", r"/crm/v3/objects/\w+/search", "the client searches by POST"),
    ("GET", r"/crm/v3/objects/\w+/[^/]+", "the client reads single records in batches"),
)


def request_for(answer: RecordedAnswer) -> RequestKind | str:
    """Return which of our requests this answers, or why none; raise KeyError where both fail."""
    if answer.name in MISFILED:
        return MISFILED[answer.name]
    path = answer.path.partition("?")[0]
    if path == "(any)":
        return RequestKind(Route.SEARCH, ObjectType.CONTACTS)
    own_request = next(_matching_requests(answer, path), None)
    return own_request or _reason(answer, path)


def _matching_requests(answer: RecordedAnswer, path: str) -> Iterator[RequestKind]:
    """Yield our request for a path; of a type that is not ours only errors are looked at."""
    types = "|".join(ObjectType) if answer.status < 400 else r"[\w-]+"
    parsed_routes = FAMILIES["v3"].keys() - _TRIAL_ROUTES
    for route, pattern in FAMILIES["v3"].items():
        if route not in parsed_routes:
            continue
        url_pattern = pattern.format(
            type=f"(?P<type>{types})", type_id=r"0-\d", to=f"({types})", id=r"\d+"
        )
        match = re.fullmatch(url_pattern, path)
        if match and answer.method == ("GET" if route in GET_ROUTES else "POST"):
            kind = match.groupdict().get("type")
            yield RequestKind(
                route, ObjectType(kind) if kind in set(ObjectType) else ObjectType.CONTACTS
            )


def _reason(answer: RecordedAnswer, path: str) -> str:
    for method, pattern, reason in _NEVER_SENT:
        if re.fullmatch(method, answer.method) and re.fullmatch(pattern, path):
            return reason
    raise KeyError(f"{answer.name}: {answer.method} {path} is neither ours nor known as not ours")
