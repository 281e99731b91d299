"""The daemon writes by no token of another portal, and goes on by a new one of its own."""

from __future__ import annotations

import pytest

from connector.errors import UserError
from connector.hubspot.http.failures import TokenRefused
from tests.journeys.daemon_runner import OPPORTUNITY, run_daemon, stage_of
from tests.journeys.workspace import TOKEN, Workspace


def test_at_the_start_another_portals_token_ends_the_daemon(workspace: Workspace) -> None:
    with (
        run_daemon(workspace, HUBSPOT_PORTAL_ID="1") as runner,
        pytest.raises(UserError, match="portal 1"),
    ):
        runner.loop.open()
    assert {request.route for request in workspace.sandbox.requests} == {"account"}


def test_later_another_portals_token_asks_nothing_more_and_alarms(
    workspace: Workspace, anna: str
) -> None:
    token, portal_id = workspace.folder / "token", workspace.portal.portal_id
    token.write_text(TOKEN)
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with run_daemon(workspace, HUBSPOT_PORTAL_ID="", **overrides) as runner:
        runner.loop.open()
        token.write_text("pat-eu1-of-another-portal")
        workspace.sandbox.dispatcher.tokens = {"pat-eu1-of-another-portal"}
        workspace.portal.portal_id = 1
        workspace.sandbox.clear_requests()
        for _ in range(2):
            runner.run_cycle()
        assert {request.route for request in workspace.sandbox.requests} == {"account"}
        assert "belongs to portal 1" in runner.problems()[0]
        workspace.portal.portal_id = portal_id
        runner.run_cycle()
        assert runner.problems() == []
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_new_token_is_asked_whose_it_is_before_anything_else(workspace: Workspace) -> None:
    token = workspace.folder / "token"
    token.write_text(TOKEN)
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with run_daemon(workspace, **overrides) as runner:
        runner.loop.open()
        runner.run_cycle()
        workspace.sandbox.clear_requests()
        runner.run_cycle()
        assert workspace.sandbox.request_count("account") == 0
        token.write_text("pat-eu1-rotated")
        workspace.sandbox.dispatcher.tokens.add("pat-eu1-rotated")
        runner.run_cycle()
        assert [request.route for request in workspace.sandbox.requests[-9:]].count("account") == 1
        workspace.sandbox.clear_requests()
        runner.run_cycle()
    assert workspace.sandbox.request_count("account") == 0


def test_a_revoked_token_is_told_once_and_a_new_one_goes_on(
    workspace: Workspace, anna: str
) -> None:
    token = workspace.folder / "token"
    token.write_text(TOKEN)
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with run_daemon(workspace, **overrides) as runner:
        runner.loop.open()
        workspace.sandbox.dispatcher.tokens.clear()
        for _ in range(3):
            runner.run_cycle()
        assert runner.logged_steps("step.failing") == ["poll"]
        assert isinstance(runner.loop.steps.failing_steps()[0].error, TokenRefused)
        assert runner.problems()
        token.write_text("pat-eu1-renewed")
        workspace.sandbox.dispatcher.tokens.add("pat-eu1-renewed")
        runner.run_cycle()
        assert runner.logged_steps("step.recovered") == ["poll"]
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_an_oauth_app_works_through_its_tokens_and_says_what_is_not_kept_once(
    workspace: Workspace, anna: str
) -> None:
    oauth_app = {"HUBSPOT_CLIENT_ID": "app", "HUBSPOT_CLIENT_SECRET": "secret"}
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_REFRESH_TOKEN": "refresh-0", **oauth_app}
    with run_daemon(workspace, **overrides) as runner:
        workspace.sandbox.faults.add_random(rate=1.0, kinds=["503"], seed=1)
        assert not runner.loop.open()
        workspace.sandbox.faults.clear()
        assert runner.loop.open()
        runner.run_cycle()
        assert runner.problems() == []
        assert len(runner.logged_steps("token.not_kept")) == 1
        workspace.sandbox.dispatcher.oauth.expiries.clear()  # as if HubSpot revoked the token
        runner.run_cycle()
        assert runner.problems() == []
    assert workspace.sandbox.dispatcher.oauth.grant_count == 2
    assert stage_of(workspace, anna) == OPPORTUNITY
