"""The table of paths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.core.model import ObjectType
from connector.errors import UserError
from connector.hubspot.http.routes import FAMILIES, Request, Route, Routes

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("route", Route)
def test_every_family_has_a_path_for_every_request(family: str, route: Route) -> None:
    path = Routes(family).path(route, CONTACTS, COMPANIES, record_id="7")
    assert re.fullmatch(r"(/[a-z0-9-]+)+", path)
    # Of workflows there is a beta alone, and the scopes of a token have no dated version.
    dated = route not in {Route.WORKFLOWS, Route.WORKFLOWS_READ, Route.TOKEN_INFO}
    assert ("/2026-" in path) == (dated and family != "v3")


def test_an_unknown_family_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"HUBSPOT_API_VERSION.*v3, 2026-03, 2026-09"):
        Routes("v2")


def test_only_updates_new_tasks_and_what_a_trial_sends_write() -> None:
    assert [route for route in Route if Request(route=route, path="/", body={}).writes] == [
        Route.BATCH_UPDATE,
        Route.TASK_CREATE,
        Route.CREATE,
        Route.ARCHIVE,
        Route.MERGE,
        Route.ASSOCIATE,
    ]


def test_no_path_stands_outside_the_table() -> None:
    package = Path(__file__).parents[3] / "connector" / "hubspot"
    assert package.is_dir()
    files = {
        file.name
        for file in package.rglob("*.py")
        if re.search(r"\"/(crm|account-info|oauth|automation)/", file.read_text())
    }
    assert files == {"routes.py"}
