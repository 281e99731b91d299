"""Open the dashboard on half a year of invented history: a portal that drifts, week by week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog
from rich.console import Console

from connector.app import run as run_daemon
from connector.cli.demo import POLICY
from connector.cli.render import demo as demo_view
from connector.config import settings
from connector.config.open_run import open_context
from connector.config.run_clock import RunClock
from connector.context import RunContext
from connector.core.model import ObjectType
from connector.daemon import daemon_settings
from connector.operations.check import check
from connector.operations.check_up import store_check_up
from connector.operations.load_histories import load_histories
from connector.operations.operator_requests import hold_record
from connector.operations.sync import sync
from connector.operations.undo import Selection, plan_undo, undo
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.disturb import disturb_records
from connector.sandbox.world.fill import fill
from state import mirror_queries

WEEKS: Final = 26
_WEEK: Final = timedelta(weeks=1)
_HISTORY_REQUESTS: Final = 2_000


def serve_demo(
    clock: RunClock, show: Console, *, contacts: int, seed: int, port: int, weeks: int = WEEKS
) -> int:
    """Make the history, and serve the dashboard over it until SIGINT or SIGTERM."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    show.print(demo_view.history_introduction(weeks))
    with (
        TemporaryDirectory(prefix="connector-demo-") as name,
        make_history(Path(name), contacts=contacts, seed=seed, weeks=weeks) as environment,
    ):
        served = {**environment, "CONNECTOR_LISTEN": f"127.0.0.1:{port}"}
        show.print(demo_view.dashboard(f"http://127.0.0.1:{port}/"))
        return run_daemon(
            lambda: settings.read(served, folder=Path(name)),
            daemon_settings.read(served, folder=Path(name)),
            clock.monotonic,
        )


@contextmanager
def make_history(
    folder: Path, *, contacts: int, seed: int, weeks: int = WEEKS
) -> Iterator[Mapping[str, str]]:
    """Serve a portal that was corrected for so many weeks up to now; yield the environment.

    The portal's clock is moved, and every wait moves it too, so that nothing waits here. What was
    disturbed last is not corrected: it waits for a person.
    """
    present = Clock().now()
    portal = Portal(
        portal_id=147893286,
        time_zone="Europe/Oslo",
        clock=Clock(start=present - weeks * _WEEK - timedelta(days=1)),
    )
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with Sandbox(portal) as sandbox:
        environment = {
            "HUBSPOT_API_URL": sandbox.url,
            "HUBSPOT_ACCESS_TOKEN": sandbox.token,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
            "CONNECTOR_POLICY": str(policy),
            "CONNECTOR_WRITES": "review",
        }
        fill(portal, contacts=contacts, seed=seed)
        demo_settings = settings.read(environment, folder=folder)
        for week in range(weeks):
            run = _run_week(demo_settings, portal, week, seed)
            # Two thirds of the way somebody thinks better of a run.
            if week == weeks * 2 // 3:
                _undo_run(demo_settings, portal, run)
        portal.clock.set(present)
        disturb_records(portal, seed=seed + weeks)
        with _open(demo_settings, portal) as context:
            _look_around(context)
        yield environment


@contextmanager
def _open(demo_settings: settings.Settings, portal: Portal) -> Iterator[RunContext]:
    clock = RunClock(wait=portal.clock.advance, monotonic=lambda: portal.clock.ms() / 1000)
    with open_context(demo_settings, clock) as context:
        yield context


def _run_week(demo_settings: settings.Settings, portal: Portal, week: int, seed: int) -> str:
    """Let a week pass in which records are changed, and correct them; return the run."""
    portal.clock.advance(_WEEK.total_seconds())
    if week:
        disturb_records(portal, seed=seed + week)
    with _open(demo_settings, portal) as context:
        # An operator reviews the first plan of a portal; the demo has no operator.
        return sync(replace(context, permitted=True)).plan.run


def _undo_run(demo_settings: settings.Settings, portal: Portal, run: str) -> None:
    with _open(demo_settings, portal) as context:
        undo(context, plan_undo(context, Selection(run=run)))


def _look_around(context: RunContext) -> None:
    """Read the histories, store a check-up, and hold a contact."""
    load_histories(context, max_requests=_HISTORY_REQUESTS)
    findings = list(check(context.api, context.policy.policy, portal_id=context.portal_id))
    with context.begin() as session:
        store_check_up(session, findings, at=context.api.now())
        held = mirror_queries.sample(session, ObjectType.CONTACTS, size=1)
    for record in held:
        hold_record(context, record, user="eva", reason="sales call on Monday")
