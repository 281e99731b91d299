"""What the daemon promises over time: memory stays flat, nothing stays open, the state is right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.propose import propose
from connector.sandbox.deliveries import Manner
from tests.journeys import cast
from tests.journeys.bench import Bench, new_portal
from tests.journeys.living import SECRET, Daemon, Life, daemon, until

# Twenty minutes; SOAK_SECONDS=120 is a first look.
SECONDS = float(os.environ.get("SOAK_SECONDS", "1200"))
WARM = 0.25
# A portal that grew for ever would take ever more memory to decide: old deals are archived.
DEALS = 80
FAULTS = ["500", "502", "503", "504", "423", "429-secondly", "reset", "truncated", "empty", "html"]


def _memory(running: Daemon) -> int:
    """Return what the process holds in memory, in KiB."""
    assert running.child
    status = Path(f"/proc/{running.child.process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def _people(bench: Bench, life: Life) -> None:
    """Let somebody set a stage or a status by hand."""
    who = life.dice.choice(life.contacts)
    by_hand = life.dice.choice(
        [{"hs_lead_status": "CONNECTED"}, {"lifecyclestage": "opportunity"}, {"hs_lead_status": ""}]
    )
    bench.portal.edit("contacts", who, by_hand)


def _live(bench: Bench, running: Daemon, life: Life, until_when: float) -> list[int]:
    """Let the portal live until then; return the daemon's memory second by second."""
    memory = []
    while time.monotonic() < until_when:
        life.go_on()
        if life.dice.random() < 0.2:
            _people(bench, life)
        if life.dice.random() < 0.1:
            life.contacts.append(cast.contact(bench.portal, f"n{time.monotonic_ns()}", "lead"))
        if len(life.deals) > DEALS:
            bench.portal.archive("deals", life.deals.pop(0))
        memory.append(_memory(running))
        time.sleep(0.2)
    return memory


@pytest.mark.long
@pytest.mark.network
@pytest.mark.timeout(3600)
def test_a_long_run_stays_flat_and_ends_right(set_up: Callable[..., Bench]) -> None:
    bench = set_up(new_portal(running=True))
    life = Life(bench.portal, 11)
    bench.portal.switches.latency_seconds = 0.05
    with daemon(bench, CONNECTOR_POLL_SECONDS="5") as running:
        bench.box.deliver(
            Manner(target=f"{running.url}/webhooks/hubspot", secret=SECRET, shuffle=True, drop=0.1)
        )
        began = time.monotonic()
        for _ in range(2):  # restarts, by kill and by word, before memory is looked at
            running.start()
            until(lambda: running.get("/readyz")[0] == 200)
            bench.box.faults.random(rate=0.05, kinds=FAULTS, seed=5)
            _live(bench, running, life, time.monotonic() + 0.05 * SECONDS)
            bench.box.faults.clear()
            running.kill()
        running.start()
        until(lambda: running.get("/readyz")[0] == 200)
        bench.box.faults.random(rate=0.05, kinds=FAULTS, seed=6)
        memory = _live(bench, running, life, began + SECONDS)
        bench.box.faults.clear()
        assert bench.box.deliveries
        until(lambda: bench.box.deliveries and bench.box.deliveries.settle(10), 120)
        until(lambda: _nothing_is_left(running), 120)
        assert running.stop() == 0
    warm = memory[int(WARM * len(memory))]
    assert max(memory[int(WARM * len(memory)) :]) <= 1.05 * warm, memory[:: len(memory) // 20]
    assert (bench.open_moves(), bench.blanks()) == ((), [])
    with bench.desk() as desk:
        assert propose(desk).summary["corrections"] == 0
    assert bench.audited()


def _nothing_is_left(running: Daemon) -> bool:
    told = running.get("/metrics")[1].splitlines()
    wanted = {"connector_events_waiting 0.0", "connector_due 0.0", "connector_open_moves 0.0"}
    return wanted <= set(told)
