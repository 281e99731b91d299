"""Kill the real process of a trial, or of its cleaning: `--clean` leaves nothing of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.operations.trial.trial_records import MARK
from tests.journeys.exit_codes import ACTION_NEEDED, DONE
from tests.journeys.kill_process import (
    ANSWERED,
    KILL_MOMENTS,
    LOST,
    UNANSWERED,
    run,
    run_and_kill,
)
from tests.journeys.workspace import Workspace, new_portal

pytestmark = pytest.mark.network

TRIAL = ("check", "--trial", "--out", "trial.json")
CLEAN = ("check", "--trial", "--clean")
NAMES = {"contacts": "lastname", "companies": "name", "deals": "dealname"}
# The routes of the sandbox by which a trial creates, links, updates, merges and archives, and how
# often it uses each at least. The last archives remove what is left.
WRITES = {"batch_create": 9, "associate": 4, "batch_update": 12, "merge": 1, "batch_archive": 4}
SAMPLE = (
    ("batch_create", 2, UNANSWERED),
    ("batch_update", 12, LOST),
    ("associate", 2, ANSWERED),
    ("batch_archive", 3, UNANSWERED),
)
WHOLE = sorted(
    {
        (route, number, moment)
        for route, most in WRITES.items()
        for number in (1, 2, most // 2, most)
        if 0 < number <= most
        for moment in KILL_MOMENTS
    }
    - set(SAMPLE)
)


@pytest.fixture
def workspace(new_workspace: Callable[..., Workspace]) -> Workspace:
    """Return a test account in which people have records of their own."""
    portal = new_portal(running=True)
    portal.switches.account_type = "DEVELOPER_TEST"
    for kind, name in NAMES.items():
        portal.create(kind, {name: "Fjord"})
    return new_workspace(portal)


def names_left(workspace: Workspace) -> list[str]:
    return [
        record.values.get(name, "")
        for kind, name in NAMES.items()
        for record in workspace.portal.records(kind)
    ]


def require_clean_end(workspace: Workspace) -> None:
    """Demand that the next trial refuses, and that cleaning removes the killed one's records."""
    assert run(workspace, *TRIAL) == ACTION_NEEDED
    assert run(workspace, *CLEAN) == DONE
    assert names_left(workspace) == ["Fjord"] * len(NAMES)


@pytest.mark.parametrize(("route", "number", "moment"), SAMPLE)
def test_a_trial_killed_at_a_write_is_cleaned_away_whole(
    workspace: Workspace, route: str, number: int, moment: str
) -> None:
    assert run_and_kill(workspace, number, moment, route=route, command=TRIAL) is not None
    assert any(name.startswith(MARK) for name in names_left(workspace))
    require_clean_end(workspace)


@pytest.mark.long
@pytest.mark.parametrize(("route", "number", "moment"), WHOLE)
def test_a_trial_killed_at_any_write_is_cleaned_away_whole(
    workspace: Workspace, route: str, number: int, moment: str
) -> None:
    assert run_and_kill(workspace, number, moment, route=route, command=TRIAL) is not None
    require_clean_end(workspace)


@pytest.mark.parametrize("moment", [UNANSWERED, pytest.param(LOST, marks=pytest.mark.long)])
def test_a_cleaning_that_is_killed_is_begun_again(workspace: Workspace, moment: str) -> None:
    assert run_and_kill(workspace, 2, ANSWERED, route="associate", command=TRIAL) is not None
    assert run_and_kill(workspace, 1, moment, route="batch_archive", command=CLEAN) is not None
    assert any(name.startswith(MARK) for name in names_left(workspace))
    require_clean_end(workspace)
