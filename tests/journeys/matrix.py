"""Trials of the crash matrix: a plan, a fault, a kill, restarts, and what is wrong then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from shutil import rmtree

from connector.core.audit import AuditLine
from connector.errors import ConnectorError
from connector.sandbox.faults import Fault
from tests.journeys.bench import Bench, applied, applied_twice, new_portal
from tests.journeys.cast import changed, mixed
from tests.journeys.killing import KILLED, MOMENTS, run, run_and_kill, steps_of_a_sync

SetUp = Callable[..., Bench]
# The fault, and whether a write took effect before it struck.
FAULTS = (
    ("500", "before"),
    ("500", "after"),
    ("502", "before"),
    ("503", "before"),
    ("504", "after"),
    ("429-secondly", "before"),
    ("429-ten-secondly", "before"),
    ("429-daily", "before"),
    ("423", "before"),
    ("401", "before"),
    ("reset", "after"),
    ("timeout", "after"),
    ("truncated", "after"),
    ("207", "before"),
    ("empty", "after"),
)
# So many records to a batch: the mixed plan then needs three batches and five writes.
BATCH = 2
WRITES = 5
_RESTARTS = 5


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One fault at one write, and one kill: at a request, or right before a step of the store."""

    fault: tuple[str, str]
    write: int
    request: int = 0
    moment: str = ""
    step: int = 0

    def __str__(self) -> str:
        where = f"request {self.request} {self.moment}" if self.request else f"step {self.step}"
        return f"{' '.join(self.fault)} at write {self.write}, killed at {where}"


@dataclass(frozen=True, kw_only=True)
class Survey:
    """How many requests and steps an undisturbed sync takes, and its first and last write."""

    requests: int
    steps: int
    first_write: int

    def trials(self) -> Iterator[Trial]:
        """Yield every fault at every point from the plan on; the writes it strikes take turns."""
        for row, fault in enumerate(FAULTS):
            requests = range(self.first_write - 1, self.requests + 1)
            for turn, (at, moment) in enumerate(product(requests, MOMENTS), row):
                yield Trial(fault=fault, write=1 + turn % WRITES, request=at, moment=moment)
            for at in range(self.steps // 2, self.steps + 1):
                yield Trial(fault=fault, write=1 + (row + at) % WRITES, step=at)


def survey(set_up: SetUp) -> Survey:
    """Run undisturbed, and count."""
    bench = set_up(new_portal(running=True))
    mixed(bench.portal)
    steps = steps_of_a_sync(bench, batch=BATCH)
    routes = [one.route for one in bench.box.requests]
    assert routes.count("batch_update") == WRITES
    first = routes.index("batch_update") + 1
    return Survey(requests=len(routes), steps=steps, first_write=first)


def sample(trials: Iterable[Trial], count: int) -> Sequence[Trial]:
    """Return so many of the trials, spread over all of them."""
    every = list(trials)
    return [every[at * len(every) // count] for at in range(count)]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a trial came to: whether it was killed, and what is wrong in the end."""

    killed: bool
    wrong: dict[str, object]


def hold(set_up: SetUp, trial: Trial) -> Result:
    """Hold one trial: kill under the fault, start again until all is quiet, and look."""
    bench = set_up(new_portal(running=True))
    wanted = mixed(bench.portal)
    due = changed(bench.values(*wanted), wanted)
    kind, when = trial.fault
    fault = Fault(kind=kind, when=when, route="batch_update", nth=trial.write, retry_after=0)
    bench.box.faults.add(fault)
    try:
        killed = _kill(bench, trial)
        wrong = {**restart(bench), **amiss(bench, wanted, due)}
    finally:  # a thousand boxes and databases are not kept until the end
        bench.box.close()
        rmtree(bench.folder)
    return Result(killed=killed, wrong=wrong)


def _kill(bench: Bench, trial: Trial) -> bool:
    if trial.step:
        return run(bench, "sync", die_at_step=trial.step, batch=BATCH) == KILLED
    struck = run_and_kill(bench, trial.request, trial.moment, batch=BATCH)
    return struck is not None


def restart(bench: Bench) -> dict[str, object]:
    """Start again until a sync has nothing to do; a fault may still lie in wait for one."""
    for _ in range(_RESTARTS):
        struck = len(bench.box.faults.struck)
        try:
            quiet = not bench.sync().plan.summary["corrections"]
        except ConnectorError as error:
            known = {str(move.record) for move in bench.open_moves()}
            if struck == len(bench.box.faults.struck):
                return {"failed without a fault": repr(error)}
            if forgotten := set(bench.blanks()) - known:
                return {"blank, and no move open": forgotten}
            continue
        if blanks := bench.blanks():
            return {"blank after a restart": blanks}
        if quiet:
            return {}
    return {"no rest after so many restarts": _RESTARTS}


def amiss(
    bench: Bench, wanted: dict[str, str], due: list[tuple[str, str, str]]
) -> dict[str, object]:
    """Return what is not as after an undisturbed run; nothing should be."""
    lines = bench.audited()
    found: dict[str, object] = {
        "blank": bench.blanks(),
        "values": changed(wanted, bench.values(*wanted)),
        "open moves": bench.open_moves(),
        "not audited": set(due) - set(applied(lines)),
        "audited, and not due": set(applied(lines)) - set(due),
        "audited twice": [*applied_twice(lines), *twice(lines)],
    }
    return {name: one for name, one in found.items() if one}


def twice(lines: Iterable[AuditLine]) -> list[str]:
    """Return what stands in the audit twice: one fault lets nothing end the same way again."""
    rows = Counter(
        f"{one.record} {one.property_name} {one.before}>{one.after} {one.outcome}" for one in lines
    )
    return [row for row, count in rows.items() if count > 1]
