"""The history of the demo reaches to now; the dashboard opens on it, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from connector.cli.demo_history import make_history
from connector.operations.check_up import read_check_up
from connector.sandbox.portal.clock import Clock
from state import audit_counts, operator_actions, plans, runs
from state.db.store import Store
from tests.journeys.live_daemon import free_port, wait_until

PORTAL_ID = "147893286"
WEEKS = 3
SERVE = """\
import sys
from connector.cli.demo_history import serve_demo
from connector.cli.render.console import console
from connector.cli.setup import REAL_CLOCK
sys.exit(serve_demo(REAL_CLOCK, console(), contacts=20, seed=1, port=int(sys.argv[1]), weeks=1))
"""


@pytest.mark.network
def test_the_history_has_corrections_in_each_week_an_undo_a_hold_and_a_check_up(
    tmp_path: Path,
) -> None:
    began = Clock().now()
    with (
        make_history(tmp_path, contacts=40, seed=1, weeks=WEEKS) as environment,
        Store.open(environment["CONNECTOR_DATABASE_URL"]) as store,
        store.reading(PORTAL_ID) as session,
    ):
        start = began - timedelta(weeks=WEEKS)
        counts = audit_counts.count_outcomes_by_period(
            session, since=start, period=timedelta(weeks=1)
        )
        kinds = [run.kind for run in runs.read(session, limit=10)]
        actions = [str(action.verb) for action in operator_actions.read(session)]
        check_up = read_check_up(session)
        assert plans.latest(session)
    assert set(counts) >= set(range(WEEKS))
    assert (kinds.count("sync"), kinds.count("undo")) == (WEEKS, 1)
    assert actions == ["hold"]
    assert check_up
    assert check_up.at - began < timedelta(minutes=10)
    assert environment["CONNECTOR_WRITES"] == "review"


@pytest.mark.network
def test_the_dashboard_of_the_demo_opens_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    arguments = [sys.executable, "-c", SERVE, str(port)]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL) as process:

        def is_open() -> bool:
            assert process.poll() is None
            try:
                with urlopen(f"http://127.0.0.1:{port}/") as answer:
                    return "Drift by week" in answer.read().decode()
            except OSError:
                return False

        try:
            wait_until(is_open)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []
