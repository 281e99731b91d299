"""Print how long each page of the dashboard takes over a large mirror.

The mirror is filled without a portal; of each page the first answer is left out. Fails where a
page takes longer than 300 ms at the 95th percentile.
Run it: `python tests/benchmarks/bench_pages.py [CONTACTS]`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import quantiles

from connector.config.presets import policy_text
from connector.core.binding.bind import bind
from connector.core.corrections.audit import AuditLine
from connector.core.corrections.plan import PlanCounter
from connector.core.lint.default_portal import default_portal
from connector.core.model import STAGE, Correction, Direction, ObjectType, Outcome, Record, Ref
from connector.core.policy.load import load_policy
from connector.pull.poll import pull
from connector.telemetry.metrics import Status
from connector.web.dashboard.pages import REPORTS
from connector.web.dashboard.source import DashboardSource
from state import audit, mirror, plans
from state.db.store import Store
from state.plans import PlanHead
from tests.fakes.connected_portal import ConnectedPortal, HookedHubSpot
from tests.web.asgi_client import FakeDaemon, send_request

PORTAL = default_portal()
PORTAL_ID = PORTAL.account.portal_id
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
MAX_SECONDS = 0.3
ROUNDS = 20
PAGE = 5_000
STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "customer")
PATHS = (
    *("/", "/corrections", "/runs", "/audit", "/policy", "/check-up", "/records/contacts/100001"),
    *(f"/reports/{name}" for name in REPORTS),
)


def contacts(count: int) -> Iterator[list[Record]]:
    """Yield pages of contacts in all stages."""
    for start in range(1, count + 1, PAGE):
        yield [_contact(number) for number in range(start, min(start + PAGE, count + 1))]


def _contact(number: int) -> Record:
    changed_at = NOW - timedelta(minutes=number % 400_000)
    return Record(
        ref=Ref(ObjectType.CONTACTS, str(100_000 + number)),
        properties={
            STAGE: STAGES[number % len(STAGES)],
            "hs_lead_status": None,
            "email": f"person{number}@example{number % 977}.example",
            "hubspot_owner_id": str(number % 40),
            "num_conversion_events": "3",
            "createdate": "2025-01-01T10:00:00.000Z",
        },
        modified_at=changed_at,
        created_at=changed_at - timedelta(days=90),
    )


def _audit_line(number: int) -> AuditLine:
    return AuditLine(
        at=NOW - timedelta(minutes=number % 100_000),
        run=f"run-{number // 1000}",
        record=Ref(ObjectType.CONTACTS, str(100_000 + number)),
        property_name=STAGE,
        before="lead",
        after="customer",
        rule="won",
        policy="standard",
        outcome=Outcome.APPLIED,
        correlation_id="",
    )


def fill(store: Store, count: int) -> None:
    """Put contacts into the mirror, a tenth as many lines into the audit, and into a plan."""
    connected = ConnectedPortal(HookedHubSpot(PORTAL, NOW), store)
    pull(connected.context())
    for page in contacts(count):
        with store.begin(PORTAL_ID) as session:
            mirror.put(session, page, due_at=NOW + timedelta(days=1))
    for start in range(0, count // 10, PAGE):
        with store.begin(PORTAL_ID) as session:
            audit.append(session, [_audit_line(number) for number in range(start, start + PAGE)])
    _add_plan(store, count // 10)


def _add_plan(store: Store, count: int) -> None:
    head = PlanHead(
        plan_id="run.1", run="run", policy_name="standard", policy_digest="", created_at=NOW
    )
    counter = PlanCounter()
    moves = [(_correction(number),) for number in range(count)]
    for move in moves:
        counter.add(move)
    with store.begin(PORTAL_ID) as session:
        plans.create(session, head)
        plans.add(session, head.plan_id, moves)
        plans.close(session, head.plan_id, summary=counter.summary(), digest=counter.digest)


def _correction(number: int) -> Correction:
    return Correction(
        record=Ref(ObjectType.CONTACTS, str(100_000 + number)),
        property_name=STAGE,
        before="lead",
        after="customer",
        direction=Direction.FORWARD,
        rule=("won", "open-deal", "lost")[number % 3],
        reason="a deal is won",
    )


def measure(source: DashboardSource) -> dict[str, float]:
    """Return the 95th percentile of each page, in seconds."""
    app = FakeDaemon(dashboard_source=source, report_seconds=0.1).app()
    percentiles = {}
    for path in PATHS:
        seconds = []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            answer = send_request(app, "GET", path, headers={"Host": "127.0.0.1:8080"})
            seconds.append(time.perf_counter() - began)
            assert answer.status == 200, answer.body
        percentiles[path] = quantiles(seconds[1:], n=20)[-1]
    return percentiles


def main() -> int:
    """Fill, measure and print; return 1 where a page is too slow."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/a.db") as store:
        fill(store, count)
        policy = load_policy("extends: standard", source="bench", preset_text=policy_text)
        source = DashboardSource(
            store=store,
            portal=PORTAL,
            policy=bind(policy, PORTAL),
            now=NOW,
            status=Status(),
            writes="review",
        )
        percentiles = measure(source)
        print(f"{count:,} contacts, {count // 10:,} audit lines, a plan of {count // 10:,} records")
        for path, seconds in percentiles.items():
            print(f"{path:<32} {seconds * 1000:>7,.0f} ms at p95")
        # A report that is still counted reads the store: it ends with the process.
        sys.stdout.flush()
        return int(max(percentiles.values()) > MAX_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
