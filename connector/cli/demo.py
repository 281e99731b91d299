"""Run the main job three times on a simulated portal, and show it in an admin's words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from connector.cli.plan_output import corrections_of_plan
from connector.cli.render import demo as demo_view
from connector.cli.render.console import console
from connector.cli.render.demo import DemoRound
from connector.cli.render.progress import show_progress
from connector.cli.setup import context_labels
from connector.config import settings
from connector.config.open_run import open_context
from connector.config.run_clock import RunClock
from connector.context import RunContext
from connector.core.model import Correction
from connector.operations.sync import SyncResult, sync
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import disturb_records, fill

_ONE_DAY = 86_400.0
POLICY = """\
extends: standard
name: demo
settings:
  score: {property: fit_and_engagement_score}
  exclude: {domains: [fjordkraftwerk.example]}
  handover: {forms: [demo, contact sales]}
  deals: {pipelines: {exclude: [Bewerbungen, Partnere]}}
"""


def run_demo(clock: RunClock, *, contacts: int, seed: int) -> int:
    """Fill a portal, correct it, plan again, change it as people do, and correct it again."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo")
    show = console().print
    with TemporaryDirectory(prefix="connector-demo-") as folder, Sandbox(portal) as sandbox:
        fill(portal, contacts=contacts, seed=seed)
        demo_settings = _prepare_settings(Path(folder), sandbox)
        show(demo_view.introduction(_record_counts(portal), POLICY))
        first_round = _run_round(demo_settings, clock, sandbox)
        show(demo_view.first_round(first_round))
        second_round = _run_round(demo_settings, clock, sandbox)
        show(demo_view.second_round(second_round))
        portal.clock.advance(_ONE_DAY)
        changes = disturb_records(portal, seed=seed)
        show(demo_view.changes_meanwhile(changes))
        third_round = _run_round(demo_settings, clock, sandbox)
        show(demo_view.third_round(third_round))
    return 0


def _record_counts(portal: Portal) -> dict[str, int]:
    return {kind: len(portal.records(kind)) for kind in ("contacts", "companies", "deals")}


def _prepare_settings(folder: Path, sandbox: Sandbox) -> settings.Settings:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    return settings.read(
        {
            "HUBSPOT_API_URL": sandbox.url,
            "HUBSPOT_ACCESS_TOKEN": sandbox.token,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
            "CONNECTOR_POLICY": str(policy),
        },
        folder=folder,
    )


def _run_round(demo_settings: settings.Settings, clock: RunClock, sandbox: Sandbox) -> DemoRound:
    """Run one sync; return what the demo shows of it."""
    counts_before = len(sandbox.requests), len(sandbox.write_requests())
    with show_progress() as bar, open_context(demo_settings, clock, progress=bar) as context:
        # An operator reviews the first plan of a portal; the demo has no operator.
        synced = sync(replace(context, permitted=True))
        return DemoRound(
            synced=synced,
            examples=_examples(context, synced),
            labels=context_labels(context),
            requests=len(sandbox.requests) - counts_before[0],
            writes=len(sandbox.write_requests()) - counts_before[1],
        )


def _examples(context: RunContext, synced: SyncResult) -> dict[tuple[str, str], Correction]:
    """Return the first correction of each rule and direction."""
    examples: dict[tuple[str, str], Correction] = {}
    for correction in corrections_of_plan(context, synced.plan):
        examples.setdefault((correction.rule, str(correction.direction)), correction)
    return examples
