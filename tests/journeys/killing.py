"""Run the connector in a process of its own, and kill it at a chosen moment."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing import connection, get_context
from pathlib import Path
from threading import Event
from typing import Any

from connector.sandbox.call import Request
from connector.sandbox.faults import CUTS
from tests.journeys.bench import Bench

_FORKS = get_context("forkserver")
# Imported once, so that each process after the first costs no more than a fork.
_FORKS.set_forkserver_preload(
    [
        *("connector.commands.boxes", "connector.commands.cycle", "connector.commands.looking"),
        "connector.commands.running",
        "tests.journeys.killing",
    ]
)
_PATIENCE = 60.0
# Real seconds that a child waits for an answer, more than a busy machine takes for one.
_READ_TIMEOUT = 1.0
KILLED = -signal.SIGKILL

LOST, UNANSWERED, ANSWERED = "before it arrived", "before its answer", "after its answer"
MOMENTS = (LOST, UNANSWERED, ANSWERED)


class ConnectionLostError(ConnectionResetError):
    """The connection broke before HubSpot had read the request."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A connector in a process of its own."""

    process: Any

    def wait(self) -> int:
        """Return its exit code, negative where a signal ended it."""
        self.process.join(_PATIENCE)
        assert self.process.exitcode is not None, "the connector hangs"
        return int(self.process.exitcode)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Kill it, and return once it is dead; from any thread."""
        self.signal(signal.SIGKILL)
        if not connection.wait([self.process.sentinel], _PATIENCE):
            raise TimeoutError("the connector outlives a kill")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a child runs: it kills itself at a step of its store, and pushes so many at once.

    0 changes nothing; a small batch lets a few records go through all that many would. It
    hardly waits, unless it `waits` as long as the connector wants to.
    """

    die_at_step: int = 0
    batch: int = 0
    waits: bool = False


def start(bench: Bench, *arguments: str, terms: Terms | None = None) -> Child:
    """Start `connector …`."""
    given = (bench.folder, bench.environment, arguments, terms or Terms())
    process = _FORKS.Process(target=_run, args=given, daemon=True)
    process.start()
    return Child(process=process)


def run(bench: Bench, *arguments: str, die_at_step: int = 0, batch: int = 0) -> int:
    """Run `connector …` to its end; with `die_at_step` it kills itself at that step."""
    terms = Terms(die_at_step=die_at_step, batch=batch)
    return start(bench, *arguments, terms=terms).wait()


def run_and_kill(
    bench: Bench,
    nth: int,
    moment: str,
    *,
    route: str = "",
    command: tuple[str, ...] = ("sync",),
    batch: int = 0,
) -> Request | None:
    """Run `connector sync` and kill it at its nth request (of a route); return that request.

    None where there was no such request, and the sync came to its end, good or bad. What goes
    wrong in the box's own threads is raised here: there, nobody would hear of it.
    """
    struck: list[Request] = []
    wrong: list[BaseException] = []
    handled = Event()
    numbers = count(1)

    def is_it(request: Request) -> bool:
        return route in {"", request.route} and next(numbers) == nth

    def strike(request: Request) -> None:
        struck.append(request)
        try:
            child.kill()
        except Exception as error:
            wrong.append(error)

    def before(request: Request) -> None:
        if moment != ANSWERED and is_it(request):
            strike(request)
            if moment == LOST:
                handled.set()
                raise ConnectionLostError

    def after(request: Request) -> None:
        if moment == ANSWERED and is_it(request):
            strike(request)
        if struck:
            handled.set()

    bench.box.before, bench.box.after = before, after
    child = start(bench, *command, terms=Terms(batch=batch))
    code = child.wait()
    if struck:
        _wait_until_handled(bench, struck[0], handled)
    bench.box.before = bench.box.after = None
    # One that had its last answer may have ended before the signal came: it was not killed.
    if code != KILLED and moment == ANSWERED:
        return None
    for error in wrong:
        raise error
    assert (code == KILLED) == bool(struck), f"it ended with {code}, struck at {struck}"
    return struck[0] if struck else None


def _wait_until_handled(bench: Bench, request: Request, handled: Event) -> None:
    """Wait until the box is through with a request; one that it cut short is not answered."""
    end = time.monotonic() + _PATIENCE
    while not handled.wait(0.01) and request.fault not in CUTS:
        assert time.monotonic() < end, "the box hangs"
    with bench.portal.lock:  # which it holds while it handles a request
        return


def steps_of_a_sync(bench: Bench, *, batch: int = 0) -> int:
    """Return how often a whole sync begins or ends a transaction."""
    assert run(bench, "sync", die_at_step=-1, batch=batch) == 0
    return int((bench.folder / "steps").read_text(encoding="utf-8"))


def _run(
    folder: Path, environment: Mapping[str, str], arguments: tuple[str, ...], terms: Terms
) -> None:
    from connector import opening, push, undo
    from connector.cli import run as run_command
    from connector.commands import frame
    from connector.hubspot.client import HubSpotDoor
    from connector.hubspot.retrying import Patience

    wait = time.sleep if terms.waits else _barely_wait
    frame.REAL = opening.Clockwork(wait=wait, monotonic=time.monotonic)
    hasty = partial(HubSpotDoor, patience=Patience(read=_READ_TIMEOUT))
    opening.HubSpotDoor = hasty  # type: ignore[misc,assignment]  # a silence costs a test no minute
    for one in (push, undo):
        one.BATCH = terms.batch or one.BATCH  # type: ignore[attr-defined]  # many batches of a few
    die_at_step = terms.die_at_step
    os.chdir(folder)
    os.environ.update(environment)
    sys.stdout = (folder / "out").open("w", encoding="utf-8")
    sys.stderr = (folder / "err").open("w", encoding="utf-8")
    steps = _count_steps(die_at_step) if die_at_step else lambda: 0
    code = run_command(list(arguments))
    (folder / "steps").write_text(str(steps()), encoding="utf-8")
    sys.stdout.close()
    sys.stderr.close()
    os._exit(code)


def _barely_wait(seconds: float) -> None:
    time.sleep(min(seconds, 0.01))


def _count_steps(die_at: int) -> Callable[[], int]:
    """Count each begin and each commit of a transaction, and die right before one of them."""
    from sqlalchemy import Engine, event

    taken = 0

    def step(_: object) -> None:
        nonlocal taken
        taken += 1
        if taken == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "begin", step)
    event.listen(Engine, "commit", step)
    return lambda: taken
