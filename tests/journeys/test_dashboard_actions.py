"""What people ask for on the dashboard, the daemon does: and nothing else, and by itself."""

from __future__ import annotations

from connector.app import _dashboard_source
from connector.daemon.status import remarks
from connector.hubspot.client import HubSpotClient
from connector.operations.operator_requests import request_undo, set_review_only
from connector.operations.review_plan import PlanPart, approve
from connector.operations.undo import Selection
from state import operator_actions, plans
from tests.journeys.daemon_runner import OPPORTUNITY, DaemonRunner, run_daemon, stage_of
from tests.journeys.workspace import Workspace


def whole_plan(runner: DaemonRunner) -> PlanPart:
    environment = runner.environment
    with environment.store.reading(environment.portal_id) as session:
        head = plans.latest(session)
    assert head
    return PlanPart(digest=head.digest)


def outcomes(runner: DaemonRunner) -> list[str]:
    environment = runner.environment
    with environment.store.reading(environment.portal_id) as session:
        return [action.outcome for action in operator_actions.read(session)]


def test_a_daemon_in_review_writes_what_was_approved_and_undoes_it_when_asked(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace, CONNECTOR_WRITES="review") as runner:
        assert runner.loop.open()
        runner.run_cycle()
        assert stage_of(workspace, anna) == "lead"
        approve(runner.environment.new_context(), whole_plan(runner), "eva")
        runner.run_cycle(1)
        assert stage_of(workspace, anna) == OPPORTUNITY
        assert outcomes(runner) == ["2 applied"]
        run = workspace.audit_lines()[-1].run
        context = runner.environment.new_context()
        request_undo(context, Selection(run=run), user="eva", confirmed_at=context.api.now())
        runner.run_cycle(1)
        assert runner.failing_steps() == set()
    assert stage_of(workspace, anna) == "lead"


def test_a_daemon_that_was_told_to_review_writes_nothing_until_it_is_told_to_apply(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        assert runner.loop.open()
        set_review_only(runner.environment.new_context(), review_only=True, user="eva")
        for _ in range(2):
            runner.run_cycle()
        assert workspace.sandbox.write_requests() == []
        assert any("only reviews, set by eva" in line for line in remarks(runner.loop))
        set_review_only(runner.environment.new_context(), review_only=False, user="eva")
        runner.loop.want_plan()
        runner.run_cycle(1)
        assert remarks(runner.loop) == []
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_wish_for_a_plan_is_met_by_the_next_cycle(workspace: Workspace, anna: str) -> None:
    with run_daemon(workspace, CONNECTOR_WRITES="review") as runner:
        assert runner.loop.open()
        runner.run_cycle()
        runner.loop.schedule.next_plan = far_away = 1e12
        runner.loop.want_plan()
        runner.run_cycle(0.001)
        assert runner.loop.schedule.next_plan < far_away
        assert not runner.loop.plan_wanted.is_set()


def test_a_mistake_in_the_policy_is_shown_on_today_with_its_line_and_column(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        assert runner.loop.open()
        runner.run_cycle()
        policy.write_text("extends: standard\nname: mine\nsettings: {hold_dais: 7}\n")
        runner.run_cycle()
        source = _dashboard_source(runner.loop)
        assert source
        assert any("mine.yaml:3:" in warning for warning in source.warnings)


def test_a_page_sends_no_request_where_the_portals_time_is_in_doubt(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        assert runner.loop.open()
        runner.run_cycle()
        client = runner.environment.api
        assert isinstance(client, HubSpotClient)
        client.compare_clocks(lambda: 0.0)
        client.account()  # its answer is dated years away from this machine's clock
        workspace.sandbox.clear_requests()
        source = _dashboard_source(runner.loop)
        assert source
        assert workspace.sandbox.request_count() == 0
        assert source.now == client.known_now()
