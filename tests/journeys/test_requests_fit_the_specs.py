"""What the commands send, in every API family, is what HubSpot's OpenAPI files describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from connector.hubspot.http.routes import FAMILIES, Route
from connector.sandbox.http.call import Request
from connector.sandbox.portal.workflows import known_property_criteria
from tests.journeys import sample_records
from tests.journeys.command_line import RunConnector
from tests.journeys.workspace import Workspace, new_portal
from tests.sandbox.schema import folders, sent_requests
from tests.sandbox.schema.deviations import Deviation

pytestmark = pytest.mark.network

WITHOUT_SPEC: Final = {
    Route.WORKFLOWS,
    Route.WORKFLOWS_READ,
    Route.PROPERTY_RULES,
    Route.TOKEN_INFO,
}
"""Requests of which no file is among those that the tests are given."""
REVIEWED: Final = (
    Deviation(
        "crm-*",
        r"POST \S+/search \$\.sorts\[\]: \{.*\} is not of type 'string'",
        "HubSpot's guide to the search API sorts by a property's name and a direction",
    ),
    Deviation(
        "crm-*",
        r"POST \S+/search \$: '(after|sorts)' is a required property",
        "in that guide the first page has no `after`, and no search must be sorted",
    ),
    Deviation(
        "crm-*",
        r"POST \S+/batch/create \$\.inputs\[\]: 'associations' is a required property",
        "HubSpot's guides to the objects create records without any",
    ),
    Deviation(
        "crm-contacts.*",
        r"POST \S+/batch/update \$\.inputs\[\]\.properties\.jobtitle: None is not of type 'string'",
        "a trial finds out whether null clears a property",
    ),
)
"""What differs from the files, and is meant so."""
POLICY: Final = "extends: standard\nname: mine\nsettings: {follow_up: {tasks: yes}}\n"


@pytest.fixture(params=FAMILIES)
def workspace(request: pytest.FixtureRequest, new_workspace: Callable[..., Workspace]) -> Workspace:
    """Return a portal in which there is something to do for every command."""
    workspace = new_workspace(new_portal(running=True), HUBSPOT_API_VERSION=request.param)
    portal = workspace.portal
    portal.switches.account_type = "DEVELOPER_TEST"
    portal.switches.scopes |= {"automation", "crm.objects.owners.read"}
    sample_records.create_mixed_records(portal)
    waiting = sample_records.create_contact(portal, "ola", "salesqualifiedlead", "NEW")
    owner = portal.add_owner("o@x.example", "O", "X")
    portal.edit("contacts", waiting, {"hubspot_owner_id": owner})
    portal.add_workflow("Bell", known_property_criteria("lifecyclestage"))
    (workspace.folder / "mine.yaml").write_text(POLICY, encoding="utf-8")
    return workspace


def run_every_command(workspace: Workspace, run_connector: RunConnector) -> Iterator[str]:
    """Run every command that asks HubSpot; yield those that end with an error of their own."""
    portal = workspace.portal
    lines = (
        *("check", "policy init begun.yaml --yes", "pull", "plan", "plan --policy mine.yaml"),
        *("sync --policy mine.yaml", "mirror verify", "explain contacts/{0}", "history load"),
        *("report customers", "recover", "undo {run}", "sync", "apply", "check --trial"),
        *("check --trial --clean", "backfill --yes"),
    )
    first, second, third = (str(record.id) for record in portal.records("contacts")[:3])
    for line in lines:
        if line == "mirror verify":
            portal.merge("contacts", first, second)
            portal.delete_for_privacy(third)
        run = run_connector("runs", "--json").json[0]["run"] if "{run}" in line else ""
        result = run_connector(*line.format(first, run=run).split())
        if "Traceback" in result.err or "Usage:" in result.err:
            yield f"{line}: {result.err[-300:]}"
    app = {"HUBSPOT_CLIENT_ID": "app", "HUBSPOT_CLIENT_SECRET": "secret"}
    run_connector("pull", HUBSPOT_ACCESS_TOKEN="", HUBSPOT_REFRESH_TOKEN="refresh-0", **app)


def route_of(request: Request, family: str) -> Route:
    """Return which of our requests this is; a path without names in it is the closest."""
    for route, template in sorted(
        FAMILIES[family].items(), key=lambda item: (item[1].count("{"), item[0])
    ):
        pattern = re.sub(r"\{(\w+)\}", lambda name: _NAMES[name[1]], template)
        if re.fullmatch(pattern, request.path):
            return route
    raise AssertionError(f"{request.method} {request.path} is none of our requests")


_NAMES: Final = {"type": "[a-z]+", "to": "[a-z]+", "type_id": r"0-\d", "id": r"\d+"}


def test_every_request_of_every_command_is_what_the_specs_describe(
    workspace: Workspace, run_connector: RunConnector
) -> None:
    folder = folders.required_folder("HUBSPOT_SPECS_DIR")
    family = workspace.overrides["HUBSPOT_API_VERSION"]
    usage = list(run_every_command(workspace, run_connector))
    problems: set[tuple[str, str]] = set()
    routes, undescribed = set(), set()
    for request in workspace.sandbox.requests:
        routes.add(route_of(request, family))
        operation = sent_requests.find_operation(folder, request)
        if operation is None:
            undescribed.add(route_of(request, family))
            continue
        for problem in sent_requests.violations(operation, request):
            problems.add((operation.file, f"{operation.method} {operation.template} {problem}"))
    unexpected = {
        f"{file} {problem}"
        for file, problem in problems
        if not any(deviation.covers(file, problem) for deviation in REVIEWED)
    }
    assert unexpected == set()
    assert [
        deviation
        for deviation in REVIEWED
        if not any(deviation.covers(file, problem) for file, problem in problems)
    ] == []
    assert usage == []
    assert undescribed == WITHOUT_SPEC
    assert routes == set(Route)
