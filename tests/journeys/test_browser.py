"""A person with a browser reviews, holds, undoes and filters, and sees it happen in HubSpot."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import NEEDS_CHROMIUM, TIMEOUT_MS, chromium, serve_dashboard
from tests.journeys.daemon_runner import OPPORTUNITY, stage_of
from tests.journeys.workspace import Workspace

__all__ = ["chromium"]  # a fixture
pytestmark = NEEDS_CHROMIUM
PASSWORD = "correct horse"
expect.set_options(timeout=TIMEOUT_MS)


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def review(page: Page, verdict: str, what: str = "the whole plan") -> None:
    page.goto("/corrections")
    page.get_by_role("link", name=f"{verdict} {what}").click()
    page.get_by_role("button", name=verdict).click()
    expect(page.get_by_role("heading", name="Lately reviewed")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_what_is_approved_is_written_verified_and_undone(
    workspace: Workspace, anna: str, chromium: Browser, script: bool
) -> None:
    with (
        serve_dashboard(workspace, chromium) as dashboard,
        dashboard.page(java_script_enabled=script) as page,
    ):
        page.get_by_role("navigation").get_by_role("link", name="Corrections").click()
        expect(page.get_by_role("link", name=f"contacts/{anna}").first).to_be_visible()
        review(page, "Approve")
        expect(page.get_by_text("waits for the daemon")).to_be_visible()
        assert stage_of(workspace, anna) == "lead"
        dashboard.runner.run_cycle(1)
        assert stage_of(workspace, anna) == OPPORTUNITY
        page.get_by_role("link", name="Look again").click()
        expect(page.get_by_text("2 applied")).to_be_visible()
        page.goto("/")
        expect(page.locator("dl.tiles div").first).to_contain_text("2")

        page.goto(f"/records/contacts/{anna}")
        page.get_by_role("link", name="Undo what was written here").click()
        page.get_by_role("button", name="Undo").click()
        dashboard.runner.run_cycle(1)
        assert stage_of(workspace, anna) == "lead"
        page.goto("/runs")
        expect(page.get_by_role("heading", name="What people did here")).to_be_visible()
        expect(page.get_by_role("rowheader", name="undo")).to_be_visible()
        assert dashboard.runner.failing_steps() == set()


def test_what_is_rejected_is_held_and_stays_until_it_is_released(
    workspace: Workspace, anna: str, chromium: Browser
) -> None:
    with serve_dashboard(workspace, chromium) as dashboard, dashboard.page() as page:
        review(page, "Reject")
        expect(page.get_by_text("2 corrections are held")).to_be_visible()
        dashboard.runner.run_cycle(120)
        page.goto("/corrections")
        expect(page.get_by_text("Nothing waits")).to_be_visible()
        expect(page.get_by_role("heading", name="Held back")).to_be_visible()
        page.get_by_role("link", name=f"contacts/{anna}").first.click()
        page.get_by_role("button", name="Release it").click()
        expect(page.get_by_text("Nothing holds it.")).to_be_visible()
        dashboard.runner.run_cycle(120)
        page.goto("/corrections")
        expect(page.get_by_text("2 corrections").first).to_be_visible()
    assert stage_of(workspace, anna) == "lead"


def test_a_record_that_is_held_on_its_page_is_not_corrected(
    workspace: Workspace, anna: str, chromium: Browser
) -> None:
    with (
        serve_dashboard(workspace, chromium, CONNECTOR_WRITES="apply") as dashboard,
        dashboard.page() as page,
    ):
        assert stage_of(workspace, anna) == OPPORTUNITY
        page.get_by_role("textbox", name="Record").fill(f"contacts/{anna}")
        page.get_by_role("button", name="Show").click()
        page.get_by_label("Reason").fill("asked by <b>sales</b>")
        page.get_by_role("button", name="Hold it as it is").click()
        expect(page.get_by_text("asked by <b>sales</b>")).to_be_visible()
        workspace.portal.edit("contacts", anna, {"lifecyclestage": "customer"})
        for _ in range(3):
            dashboard.runner.run_cycle(120)
    assert stage_of(workspace, anna) == "customer"


def test_the_audit_is_filtered_and_proved(
    workspace: Workspace, anna: str, chromium: Browser
) -> None:
    with (
        serve_dashboard(workspace, chromium, CONNECTOR_WRITES="apply") as dashboard,
        dashboard.page("/audit") as page,
    ):
        rows = page.get_by_role("region", name="Audit lines").get_by_role("row")
        expect(rows).to_have_count(3)
        page.get_by_role("main").get_by_label("Record", exact=True).fill("contacts/1")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_text("No line fits.")).to_be_visible()
        page.get_by_role("main").get_by_label("Record", exact=True).fill(f"contacts/{anna}")
        page.get_by_label("Outcome").select_option("applied")
        page.get_by_role("button", name="Filter").click()
        expect(rows).to_have_count(3)
        page.get_by_role("link", name="Prove that none was changed").click()
        expect(page.get_by_role("status")).to_contain_text("The chain holds: 2 lines")


def test_a_changed_policy_shows_what_would_change_or_its_mistake_with_its_line(
    workspace: Workspace, anna: str, chromium: Browser
) -> None:
    changed, wrong = workspace.folder / "changed.yaml", workspace.folder / "wrong.yaml"
    changed.write_text(
        "extends: standard\nname: changed\nrules:\n  - {name: wait-for-it, for: both, "
        "when: deals.open > 0, stage: keep, reason: mine}\n"
    )
    wrong.write_text("extends: standard\nname: wrong\nsettings: {hold_dais: 7}\n")
    with serve_dashboard(workspace, chromium) as dashboard, dashboard.page("/policy") as page:
        page.get_by_label("Try a changed file").set_input_files(changed)
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_role("rowheader", name="open-deal").first).to_be_visible()
        page.get_by_label("Try a changed file").set_input_files(wrong)
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_text("wrong.yaml:3:")).to_be_visible()
        dashboard.problems.clear()  # the browser names the status 400 of a file with mistakes


def test_people_log_in_and_whoever_may_only_look_finds_no_button(
    workspace: Workspace, anna: str, chromium: Browser
) -> None:
    password_hash = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(PASSWORD)
    users = f"eva:operate:{password_hash} ola:read:{password_hash}"
    with (
        serve_dashboard(workspace, chromium, CONNECTOR_DASHBOARD_USERS=users) as dashboard,
        dashboard.page() as page,
    ):
        log_in(page, "ola", "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
        dashboard.problems.clear()  # the browser names the status 401 of a wrong password
        log_in(page, "ola")
        expect(page.get_by_text("ola, read")).to_be_visible()
        page.goto("/corrections")
        expect(page.get_by_role("link", name="contacts/").first).to_be_visible()
        expect(page.get_by_role("link", name="Approve")).to_have_count(0)
        page.get_by_role("button", name="Log out").click()
        page.goto("/corrections")
        log_in(page, "eva")
        review(page, "Approve", "rule open-deal")
        expect(page.get_by_text("eva: approve rule open-deal")).to_be_visible()


def test_pages_are_used_by_keyboard_alone(
    workspace: Workspace, anna: str, chromium: Browser
) -> None:
    with serve_dashboard(workspace, chromium) as dashboard, dashboard.page("/corrections") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Approve the whole plan")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Approve the whole plan?")).to_be_visible()
