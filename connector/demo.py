"""The main job on a portal in a box: three rounds, each told in the words of an admin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from connector import settings
from connector.commands.cycle import each_correction
from connector.commands.frame import portal_labels
from connector.core.model import Correction
from connector.desk import Desk
from connector.opening import Clockwork, open_desk
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sandbox.world import break_some, fill
from connector.screens import demo as screens
from connector.screens.bar import progress
from connector.screens.demo import Round
from connector.screens.output import console
from connector.sync import Synced, sync

_ONE_DAY = 86_400.0
POLICY = """\
extends: standard
name: demo
settings:
  score: {property: fit_and_engagement_score}
  exclude: {domains: [fjordkraftwerk.example]}
  handover: {forms: ["*demo*", "*contact sales*"]}
  deals: {pipelines: {exclude: [Bewerbungen, Partnere]}}
"""


def run_demo(clockwork: Clockwork, *, contacts: int, seed: int) -> int:
    """Fill a portal, correct it, look again, break it as people do, and correct it again."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo")
    show = console().print
    with TemporaryDirectory(prefix="connector-demo-") as folder, Sandbox(portal) as box:
        fill(portal, contacts=contacts, seed=seed)
        found = _settings(Path(folder), box)
        show(screens.opening(_counts(portal), POLICY))
        first = _round(found, clockwork, box)
        show(screens.first(first))
        second = _round(found, clockwork, box)
        show(screens.second(second))
        portal.clock.advance(_ONE_DAY)
        broken = break_some(portal, seed=seed)
        show(screens.broken(broken))
        third = _round(found, clockwork, box)
        show(screens.third(third))
    return 0


def _counts(portal: Portal) -> dict[str, int]:
    return {kind: len(portal.records(kind)) for kind in ("contacts", "companies", "deals")}


def _settings(folder: Path, box: Sandbox) -> settings.Settings:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    return settings.read(
        {
            "HUBSPOT_API_URL": box.url,
            "HUBSPOT_ACCESS_TOKEN": box.token,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
            "CONNECTOR_POLICY": str(policy),
        },
        folder=folder,
    )


def _round(found: settings.Settings, clockwork: Clockwork, box: Sandbox) -> Round:
    """Run one sync, and keep what is told of it."""
    before = len(box.requests), len(box.writes())
    with progress() as tell, open_desk(found, clockwork, tell=tell) as desk:
        # The first look at a portal is reviewed by its owner; the box has none.
        synced = sync(replace(desk, permitted=True))
        return Round(
            synced=synced,
            examples=_examples(desk, synced),
            names=portal_labels(desk),
            requests=len(box.requests) - before[0],
            writes=len(box.writes()) - before[1],
        )


def _examples(desk: Desk, synced: Synced) -> dict[tuple[str, str], Correction]:
    """Return the first correction of each rule and direction."""
    found: dict[tuple[str, str], Correction] = {}
    for one in each_correction(desk, synced.plan):
        found.setdefault((one.rule, str(one.direction)), one)
    return found
