"""What each command does between its options and its screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import orjson
import structlog
from rich.text import Text

from connector.checking import Light, check
from connector.core.audit import AuditLine, Broken
from connector.core.model import STATUS, Correction, ObjectType, Ref
from connector.core.plan import line
from connector.desk import Desk
from connector.errors import UserError
from connector.explaining import explain_record
from connector.opening import Clockwork, open_door, read_policy
from connector.propose import propose
from connector.pull import Pulled, require_mirror
from connector.pull import pull as pull_changes
from connector.push import stream
from connector.screens import explanation, findings, outcomes
from connector.screens import plan as plans_screen
from connector.screens.output import console, write_json, write_json_line
from connector.settings import Settings
from connector.sync import Synced
from connector.sync import apply as apply_due
from connector.sync import sync as sync_all
from state import audit, portals
from state.plans import PlanHead
from state.store import Store

_EXAMPLES = 12
_log = structlog.get_logger()


def labels(desk: Desk) -> dict[str, str]:
    """Return the portal's labels of stages and lead statuses by internal value."""
    kinds = (ObjectType.COMPANIES, ObjectType.CONTACTS)
    stages = [one for kind in kinds for one in desk.portal.stages(kind)]
    return plans_screen.labels([*stages, *desk.portal.options(ObjectType.CONTACTS, STATUS)])


def check_portal(
    settings: Settings, clockwork: Clockwork, *, policy: str | None, as_json: bool
) -> int:
    """Show the check-up; 1 where something must be mended first."""
    door = open_door(settings, clockwork)
    read = read_policy(policy or settings.policy)
    found = list(check(door, read, portal_id=settings.portal_id))
    if as_json:
        write_json(
            [{"name": one.name, "light": one.light, "message": one.message} for one in found]
        )
    else:
        console().print(findings.screen(found))
    return int(any(one.light is Light.BAD for one in found))


def pull_portal(desk: Desk, *, full: bool, as_json: bool) -> int:
    """Bring the mirror up to date, and say what was read."""
    pulled = pull_changes(desk, full=full)
    _log.info("pull.finished", portal=desk.portal_id, read=dict(pulled.read))
    if as_json:
        write_json(pulled_document(desk, pulled))
    else:
        console().print(outcomes.pulled(pulled))
    return 0


def pulled_document(desk: Desk, pulled: Pulled) -> dict[str, Any]:
    """Return what a pull did as a JSON document."""
    return {
        "portal_id": desk.portal_id,
        "run": desk.run,
        "read": {str(kind): count for kind, count in pulled.read.items()},
        "changed": {str(kind): count for kind, count in pulled.changed.items()},
        "whole": sorted(str(kind) for kind in pulled.whole),
    }


def plan_portal(desk: Desk, *, as_json: bool) -> int:
    """Show a fresh plan; return how many corrections it holds."""
    require_mirror(desk)
    head = propose(desk)
    corrections = each_correction(desk, head)
    if as_json:
        write_plan(desk, head, corrections)
    else:
        document = plan_document(desk, head)
        examples = list(islice(corrections, _EXAMPLES))
        console().print(plans_screen.screen(document, examples, labels(desk)))
    return int(head.summary["corrections"])


def each_correction(desk: Desk, head: PlanHead) -> Iterator[Correction]:
    """Yield the corrections of a plan one by one."""
    return chain.from_iterable(stream(desk, head.plan_id))


def plan_document(desk: Desk, head: PlanHead) -> dict[str, Any]:
    """Return a plan as the operator's contract has it, without its corrections."""
    return {
        "portal_id": desk.portal_id,
        "policy": {"name": head.policy_name, "digest": head.policy_digest},
        "created_at": head.created_at.isoformat(),
        "digest": head.digest,
        "summary": head.summary,
    }


def write_plan(desk: Desk, head: PlanHead, corrections: Iterator[Correction]) -> None:
    """Write a plan as one JSON document, correction by correction: it may not fit in memory."""
    start = orjson.dumps(plan_document(desk, head)).decode()
    sys.stdout.write(start[:-1] + ',"corrections":[')
    for number, one in enumerate(corrections):
        sys.stdout.write(("," if number else "") + "\n" + orjson.dumps(line(one)).decode())
    sys.stdout.write("\n]}\n")


def apply_portal(desk: Desk, *, as_json: bool) -> int:
    """Apply what is due, and say how it ended."""
    return _show_synced(desk, apply_due(desk), as_json=as_json)


def sync_portal(desk: Desk, *, as_json: bool) -> int:
    """Pull and apply, and say how it ended."""
    return _show_synced(desk, sync_all(desk), as_json=as_json)


def _show_synced(desk: Desk, synced: Synced, *, as_json: bool) -> int:
    if as_json:
        write_json(
            {
                "run": synced.run,
                "recovered": synced.recovered,
                "pulled": pulled_document(desk, synced.pulled) if synced.pulled else None,
                "plan": plan_document(desk, synced.plan),
                "outcomes": {str(one): count for one, count in sorted(synced.outcomes.items())},
            }
        )
    else:
        document = plan_document(desk, synced.plan)
        examples = list(islice(each_correction(desk, synced.plan), _EXAMPLES))
        console().print(plans_screen.screen(document, examples, labels(desk)))
        console().print(outcomes.synced(synced))
    return 0


def explain_one(desk: Desk, name: str, *, as_json: bool) -> int:
    """Explain one record."""
    try:
        ref = Ref.parse(name)
    except ValueError as wrong:
        raise UserError(f"{wrong}, or `connector explain contact 123`.") from wrong
    record, told = explain_record(desk, ref)
    if as_json:
        write_json(explanation.document(record, told))
    else:
        console().print(explanation.screen(record, told, labels(desk)))
    return 0


def show_audit(
    settings: Settings, *, record: str | None, run: str | None, since: str | None, as_json: bool
) -> int:
    """Show the audit, oldest first; JSON lines for scripts."""
    try:
        ref = Ref.parse(record) if record else None
        start = _moment(since) if since else None
    except ValueError as wrong:
        raise UserError(str(wrong)) from wrong
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in _portal_ids(session, settings):
            lines = audit.read(session, portal_id, record=ref, run=run, since=start)
            if as_json:
                for one in lines:
                    write_json_line(audit_line(one))
            else:
                console().print(outcomes.audited(lines))
    return 0


def audit_line(one: AuditLine) -> Mapping[str, Any]:
    """Return an audit line as the operator's contract has it."""
    return {
        "at": one.at.isoformat(),
        "run": one.run,
        "record": str(one.record),
        "property_name": one.property_name,
        "before": one.before,
        "after": one.after,
        "rule": one.rule,
        "policy": one.policy,
        "outcome": str(one.outcome),
        "correlation_id": one.correlation_id,
        "hash": one.hash,
    }


def _moment(text: str) -> datetime:
    """Read a day or a time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _portal_ids(session: Any, settings: Settings) -> tuple[str, ...]:
    return (settings.portal_id,) if settings.portal_id else portals.ids(session)


def verify_audit(settings: Settings, *, as_json: bool) -> int:
    """Recompute the chain of hashes; 1 where it is broken."""
    broken = False
    with Store.open(settings.database_url) as store, store.reading() as session:
        for portal_id in _portal_ids(session, settings):
            verdict = audit.verify(session, portal_id)
            broken = broken or isinstance(verdict, Broken)
            if as_json:
                write_json(outcomes.verdict_document(portal_id, verdict))
            else:
                console().print(Text(outcomes.verdict(portal_id, verdict)))
    return int(broken)


def serve_sandbox(*, port: int, contacts: int, seed: int) -> int:
    """Serve a portal in a box until it is interrupted."""
    from connector.sandbox.portal import Portal as Box
    from connector.sandbox.server import Sandbox, serve
    from connector.sandbox.world import fill

    portal = Box(portal_id=147893286, time_zone="Europe/Oslo")
    fill(portal, contacts=contacts, seed=seed)

    def ready(box: Sandbox) -> None:
        console().print(Text(outcomes.sandbox_ready(box.url, box.token, contacts)))

    serve(portal, port=port, token="pat-eu1-sandbox", on_ready=ready)  # noqa: S106  opens nothing
    return 0
