"""Events only make records due: whatever happens to them, the end is as by polling alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from connector.sandbox.deliveries import Manner
from connector.sandbox.portal import Portal
from state import inbox
from tests.journeys.bench import Bench, applied_twice, new_portal
from tests.journeys.living import POLICY, SECRET, Daemon, Life, daemon, until, write

SetUp = Callable[..., Bench]


def _by_polling_alone(set_up: SetUp, seed: int, number: int) -> dict[str, tuple[str, str]]:
    """Let the same things happen elsewhere, and synchronise once after them."""
    portal = new_portal()
    bench = set_up(portal)
    bench.more = {"CONNECTOR_POLICY": str(write(bench.folder, "policy.yaml", POLICY))}
    life = Life(portal, seed)
    for _ in range(number):
        life.go_on()
    with bench.syncs() as sync:
        while sync().outcomes:
            continue
    return life.stages()


def _live(running: Daemon, life: Life, number: int) -> None:
    for _ in range(number):
        life.go_on()
        time.sleep(0.002)


def _is_quiet(running: Daemon) -> bool:
    """Whether everything is delivered, and was looked at."""
    assert running.bench.box.deliveries
    delivered = running.bench.box.deliveries.settle(10)
    return delivered and "connector_events_waiting 0.0" in running.get("/metrics")[1]


def _told(running: Daemon) -> int:
    """Return how many events the inbox has seen."""
    with running.bench.store() as store, store.reading() as session:
        portal_id = str(running.bench.portal.portal_id)
        assert inbox.count(session, portal_id).count == 0
        return session.connection().exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()


def _survives(set_up: SetUp, number: int, seed: int, *, events: int) -> None:
    wanted = _by_polling_alone(set_up, seed, number)
    portal: Portal = new_portal(running=True)
    bench = set_up(portal)
    life = Life(portal, seed)
    with daemon(bench) as running:
        target = f"{running.url}/webhooks/hubspot"
        manner = Manner(
            target=target, secret=SECRET, shuffle=True, duplicate=0.2, drop=0.3, seed=seed
        )
        bench.box.deliver(manner)
        assert bench.box.deliveries
        for part in range(3):
            running.start()
            until(lambda: running.get("/readyz")[0] == 200)
            _live(running, life, number // 3 + (number % 3 if part == 2 else 0))
            if part < 2:
                running.kill()
        until(lambda: life.stages() == wanted and _is_quiet(running))  # echoes included
        counts = bench.box.deliveries.counts
        code = running.stop()
    assert code == 0
    assert life.stages() == wanted
    assert counts["told"] >= events
    assert counts["dropped"] and counts["duplicated"] and counts["delivered"]
    assert _told(running) > 0
    assert applied_twice(bench.audited()) == []
    assert bench.open_moves() == ()
    assert bench.blanks() == []


@pytest.mark.network
def test_shuffled_duplicated_and_dropped_events_lead_where_polling_leads(set_up: SetUp) -> None:
    _survives(set_up, 100, seed=6, events=150)


@pytest.mark.long
@pytest.mark.network
def test_a_thousand_events_and_two_kills_lead_where_polling_leads(set_up: SetUp) -> None:
    _survives(set_up, 600, seed=7, events=1000)
