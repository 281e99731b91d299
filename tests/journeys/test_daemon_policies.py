"""The daemon follows its policy: a change is shown before it is written by."""

from __future__ import annotations

from pathlib import Path

from connector.daemon.status import failures
from tests.journeys import sample_records
from tests.journeys.daemon_runner import OPPORTUNITY, POLL, DaemonRunner, run_daemon, stage_of
from tests.journeys.workspace import Workspace


def test_a_changed_policy_is_shown_by_one_cycle_and_written_by_from_the_next_on(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {stages: [customer]}\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        runner.run_cycle()
        assert stage_of(workspace, anna) == "lead"
        policy.write_text("extends: standard\nname: mine\n")
        runner.run_cycle(1)
        review = runner.loop.schedule.reviewed_policy
        assert review
        assert (review.policy, dict(review.corrections_by_rule)) == (
            "mine",
            {"open-deal": 1, "status-open-deal": 1},
        )
        assert stage_of(workspace, anna) == "lead"
        runner.run_cycle(POLL)
        assert runner.loop.schedule.reviewed_policy is None
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_policy_that_was_edited_while_no_daemon_ran_is_shown_before_it_is_written_by(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {stages: [customer]}\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        runner.run_cycle()
    policy.write_text("extends: standard\nname: mine\n")
    # A daemon that dies after the look has not written by the policy: it is shown again.
    for _ in range(2):
        with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
            runner.loop.open()
            runner.run_cycle()
            review = runner.loop.schedule.reviewed_policy
            assert review
            assert dict(review.corrections_by_rule) == {"open-deal": 1, "status-open-deal": 1}
            assert stage_of(workspace, anna) == "lead"
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        runner.run_cycle()
        runner.run_cycle()
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_two_workers_with_different_copies_of_a_policy_do_not_write_in_turn(
    workspace: Workspace, anna: str
) -> None:
    mine, yours = workspace.folder / "mine.yaml", workspace.folder / "yours.yaml"
    mine.write_text("extends: standard\nname: mine\n")
    yours.write_text("extends: standard\nname: yours\nsettings: {stages: [customer]}\n")

    def run_cycle(of: DaemonRunner, policy: Path) -> None:
        workspace.overrides = {**workspace.overrides, "CONNECTOR_POLICY": str(policy)}
        of.run_cycle()

    with (
        run_daemon(workspace, CONNECTOR_POLICY=str(mine)) as runner,
        run_daemon(workspace, CONNECTOR_POLICY=str(yours)) as replaced,
    ):
        replaced.loop.open()
        run_cycle(replaced, yours)  # it writes by its own policy
        runner.loop.open()
        for _ in range(2):  # a look, and then a write
            run_cycle(runner, mine)
        assert stage_of(workspace, anna) == OPPORTUNITY
        for _ in range(3):
            run_cycle(replaced, yours)
            run_cycle(runner, mine)
        assert replaced.failing_steps() == {"other-policy"}
        (failing_step,) = replaced.loop.steps.failing_steps()
        assert "Another worker writes to portal" in str(failing_step.error)
        assert runner.failing_steps() == set()
        yours.write_text(mine.read_text())
        for _ in range(2):
            run_cycle(replaced, yours)
        assert replaced.failing_steps() == set()


def test_a_daemon_that_starts_again_by_the_same_policy_writes_at_once(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
    assert stage_of(workspace, anna) == OPPORTUNITY
    bea = sample_records.create_contact(workspace.portal, "bea", "lead", days=0)
    sample_records.create_deal(workspace.portal, [sample_records.OPEN], contacts=[bea])
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
    assert stage_of(workspace, bea) == OPPORTUNITY


def test_a_bad_policy_leaves_the_last_good_one_and_is_told_once(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        policy.write_text("extends: standard\nname: mine\nsettings: {stagez: []}\n")
        for _ in range(3):
            runner.run_cycle()
        assert stage_of(workspace, anna) == OPPORTUNITY
        assert runner.problems() == []
        assert "stages" in failures(runner.loop)[0]
        assert runner.logged_steps("step.failing") == ["policy"]
        policy.write_text("extends: standard\nname: mine\n")
        runner.run_cycle()
        assert runner.logged_steps("step.recovered") == ["policy"]
        assert runner.problems() == []
