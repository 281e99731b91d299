"""Every page is accessible, and fits a telephone as well as a wide screen, in light and dark.

With DASHBOARD_SCREENSHOTS=FOLDER each page is kept as a picture, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from connector.operations.check_up import store_check_up
from connector.operations.finding import CheckResult, Finding
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import fill
from connector.web.dashboard.pages import REPORTS
from tests.journeys.browser import NEEDS_CHROMIUM, ServedDashboard, chromium, serve_dashboard
from tests.journeys.workspace import Workspace

__all__ = ["chromium"]  # a fixture
pytestmark = NEEDS_CHROMIUM
# Width, scheme, and whether axe looks: what it sees of a layout does not change with each of them.
WINDOWS = ((390, "light", True), (1280, "dark", True), (1920, "light", False))
OTHER_WINDOWS = ((390, "dark", False), (1280, "light", False), (1920, "dark", False))
SERIOUS = {"serious", "critical"}
SCREENSHOTS = os.environ.get("DASHBOARD_SCREENSHOTS")
MIXED = ("/", "/corrections", "/runs", "/policy", "/check-up", "/audit?proof=1")


def paths_of(dashboard: ServedDashboard) -> list[str]:
    """Return the path of every page, with a plan that waits and a record with a history."""
    with dashboard.page("/corrections") as page:
        approval = page.get_by_role("link", name="Approve the whole plan").get_attribute("href")
        rule = page.locator("section.rule h2 a").first.get_attribute("href")
    with dashboard.page("/runs") as page:
        undo = page.get_by_role("link", name="Undo").first.get_attribute("href")
        run = page.locator("tbody th a").first.get_attribute("href")
    with dashboard.page(undo or "") as page:
        record = page.locator("tbody th a").first.get_attribute("href")
    linked = (approval, rule, undo, run, record)
    reports = [f"/reports/{name}" for name in REPORTS]
    return [*MIXED, *reports, *(path for path in linked if path), "/reports/nothing"]


def disorder(workspace: Workspace) -> None:
    """Set every third contact back, so that a plan waits again."""
    for contact in workspace.portal.records("contacts")[::3]:
        workspace.portal.edit("contacts", contact.id, {"lifecyclestage": "subscriber"})


def store_findings(dashboard: ServedDashboard) -> None:
    environment = dashboard.runner.environment
    findings = [
        Finding(name=str(result), result=result, message="what was seen\nand what to do about it")
        for result in CheckResult
    ]
    with environment.store.begin(environment.portal_id) as session:
        store_check_up(session, findings, at=environment.api.now())


@pytest.mark.timeout(600)
def test_no_page_has_a_serious_finding_of_axe_and_none_is_wider_than_its_window(
    new_workspace: object, chromium: Browser
) -> None:
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo")
    fill(portal, contacts=80, seed=1)
    workspace: Workspace = new_workspace(portal)  # type: ignore[operator]  # a fixture that makes them
    with serve_dashboard(workspace, chromium, CONNECTOR_WRITES="apply") as dashboard:
        workspace.overrides = {**workspace.overrides, "CONNECTOR_WRITES": "review"}
        disorder(workspace)
        dashboard.runner.loop.want_plan()
        dashboard.runner.run_cycle(1200)
        store_findings(dashboard)
        paths = paths_of(dashboard)
        faults = [
            fault
            for window in (*WINDOWS, *(OTHER_WINDOWS if SCREENSHOTS else ()))
            for fault in faults_at(dashboard, paths, *window)
        ]
        dashboard.problems.clear()  # the browser names the status of the page that is not there
    assert not faults, "\n".join(faults)
    assert len(paths) == 18


def faults_at(
    dashboard: ServedDashboard, paths: list[str], width: int, scheme: str, with_axe: bool
) -> list[str]:
    """Return what is wrong with the pages at one width, in one colour scheme."""
    faults = []
    viewport = {"width": width, "height": 900}
    with dashboard.page(color_scheme=scheme, viewport=viewport) as page:
        for path in paths:
            page.goto(path)
            too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if too_wide > 0:
                faults.append(f"{path} at {width}: {too_wide} pixels too wide")
            if SCREENSHOTS:
                name = path.strip("/").replace("/", "-").split("?")[0] or "today"
                folder = Path(SCREENSHOTS)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            if with_axe:
                faults += [
                    f"{path} at {width} in {scheme}: {violation['id']} "
                    f"{violation['nodes'][0]['html']}"
                    for violation in Axe().run(page).response["violations"]
                    if violation["impact"] in SERIOUS
                ]
    return faults
