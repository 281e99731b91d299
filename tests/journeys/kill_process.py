"""Run the connector in a process of its own, and kill it at a chosen moment."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection, get_context
from pathlib import Path
from threading import Event, Lock
from typing import Any

from connector.sandbox.http.call import Request
from connector.sandbox.http.faults import CONNECTION_FAULTS
from tests.journeys.workspace import Workspace

_FORK_SERVER = get_context("forkserver")
# Imported once, so that each process after the first costs no more than a fork.
_FORK_SERVER.set_forkserver_preload(
    [
        *("connector.cli.sandbox", "connector.cli.cycle", "connector.cli.check_explain"),
        "connector.cli.run",
        "tests.journeys.kill_process",
    ]
)
_TIMEOUT_SECONDS = 60.0
# Real seconds that a child waits for an answer, more than a busy machine takes for one.
_READ_TIMEOUT = 4.0
KILLED = -signal.SIGKILL

LOST, UNANSWERED, ANSWERED = "before it arrived", "before its answer", "after its answer"
KILL_MOMENTS = (LOST, UNANSWERED, ANSWERED)


class ConnectionLostError(ConnectionResetError):
    """The connection broke before HubSpot had read the request."""


@dataclass(frozen=True, kw_only=True)
class ConnectorProcess:
    """A connector in a process of its own."""

    process: Any

    def wait(self) -> int:
        """Return its exit code, negative where a signal ended it."""
        self.process.join(_TIMEOUT_SECONDS)
        assert self.process.exitcode is not None, "the connector hangs"
        return int(self.process.exitcode)

    def signal(self, signal_number: int) -> None:
        os.kill(self.process.pid, signal_number)

    def kill(self) -> None:
        """Kill it, and return once it is dead; from any thread."""
        self.signal(signal.SIGKILL)
        if not connection.wait([self.process.sentinel], _TIMEOUT_SECONDS):
            raise TimeoutError("the connector outlives a kill")


@dataclass(frozen=True, kw_only=True)
class ProcessOptions:
    """How a child runs: it kills itself at a step of its store, and pushes so many at once.

    0 changes nothing; a small batch lets a few records go through all that many would. It
    hardly waits, unless it `waits` as long as the connector wants to.
    """

    kill_at_step: int = 0
    batch: int = 0
    waits_fully: bool = False


def start(
    workspace: Workspace, *arguments: str, options: ProcessOptions | None = None
) -> ConnectorProcess:
    """Start `connector …`."""
    process_arguments = (
        workspace.folder,
        workspace.environment,
        arguments,
        options or ProcessOptions(),
    )
    process = _FORK_SERVER.Process(target=_run, args=process_arguments, daemon=True)
    process.start()
    return ConnectorProcess(process=process)


def run(workspace: Workspace, *arguments: str, kill_at_step: int = 0, batch: int = 0) -> int:
    """Run `connector …` to its end; with `die_at_step` it kills itself at that step."""
    options = ProcessOptions(kill_at_step=kill_at_step, batch=batch)
    return start(workspace, *arguments, options=options).wait()


@dataclass
class Target:
    """The request at which a process is killed: the n-th of a route, or of all."""

    route: str
    number: int
    request: Request | None = None
    killed: list[Request] = field(default_factory=list)
    _arrived: int = 0
    _lock: Lock = field(default_factory=Lock)

    def takes(self, request: Request) -> bool:
        """Say whether this request is the one; where a fault leaves it unanswered, the next is."""
        with self._lock:
            if self.killed or self.route not in {"", request.route}:
                return False
            if self.request is not None and self.request.fault not in CONNECTION_FAULTS:
                return False
            self._arrived += 1
            if self._arrived < self.number:
                return False
            self.request = request
            return True

    def is_killed_first(self) -> bool:
        """Say whether the process dies before another request counts; wait until that is known."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self.request is not None and self.request.fault not in CONNECTION_FAULTS:
            if self.killed:
                return True
            assert time.monotonic() < deadline, f"{self.request} is never answered"
            time.sleep(0.001)
        return False


def run_and_kill(
    workspace: Workspace,
    nth: int,
    moment: str,
    *,
    route: str = "",
    command: tuple[str, ...] = ("sync",),
    batch: int = 0,
) -> Request | None:
    """Run `connector sync` and kill it at its nth request (of a route); return that request.

    None where there was no such request, and the sync came to its end, good or bad. What goes
    wrong in the sandbox's own threads is raised here, since no test would see it there.
    """
    errors: list[BaseException] = []
    handled = Event()
    target = Target(route=route, number=nth)

    def kill_at(request: Request) -> None:
        target.killed.append(request)
        try:
            connector.kill()
        except Exception as error:
            errors.append(error)

    def before(request: Request) -> None:
        if moment == ANSWERED:
            # The answer frees the connector to go on: what it sends before it dies is lost.
            if not target.takes(request) and target.is_killed_first():
                raise ConnectionLostError
        elif target.takes(request):
            kill_at(request)
            if moment == LOST:
                handled.set()
                raise ConnectionLostError

    def after(request: Request) -> None:
        if moment == ANSWERED and request is target.request:
            kill_at(request)
        if target.killed:
            handled.set()

    workspace.sandbox.before_answer, workspace.sandbox.after_answer = before, after
    connector = start(workspace, *command, options=ProcessOptions(batch=batch))
    code = connector.wait()
    if target.killed:
        _wait_until_handled(workspace, target.killed[0], handled)
    workspace.sandbox.before_answer = workspace.sandbox.after_answer = None
    # One that had its last answer may have ended before the signal came: it was not killed.
    if code != KILLED and moment == ANSWERED:
        return None
    for error in errors:
        raise error
    assert (code == KILLED) == bool(target.killed), (
        f"it ended with {code}, killed at {target.killed}"
    )
    return target.killed[0] if target.killed else None


def _wait_until_handled(workspace: Workspace, request: Request, handled: Event) -> None:
    """Wait until the sandbox has finished a request; an interrupted one is not answered."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not handled.wait(0.01) and request.fault not in CONNECTION_FAULTS:
        assert time.monotonic() < deadline, "the sandbox hangs"
    with workspace.portal.lock:  # which it holds while it handles a request
        return


def count_sync_steps(workspace: Workspace, *, batch: int = 0) -> int:
    """Return how often a whole sync commits what it has written."""
    assert run(workspace, "sync", kill_at_step=-1, batch=batch) == 0
    return int((workspace.folder / "steps").read_text(encoding="utf-8"))


def _run(
    folder: Path,
    environment: Mapping[str, str],
    arguments: tuple[str, ...],
    options: ProcessOptions,
) -> None:
    from connector.cli import check_explain, setup
    from connector.cli.main import run_command
    from connector.config import open_run
    from connector.hubspot.client import HubSpotClient
    from connector.hubspot.http.retry import RetryLimits
    from connector.operations import undo
    from connector.push import push

    # A shell lets what it starts in the background ignore Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wait = time.sleep if options.waits_fully else _wait_briefly
    clock = open_run.RunClock(wait=wait, monotonic=time.monotonic)
    # The module of the trial, which waits for HubSpot's automations, is imported before the fork.
    setup.REAL_CLOCK = check_explain.REAL_CLOCK = clock
    impatient_client = partial(HubSpotClient, retry_limits=RetryLimits(read=_READ_TIMEOUT))
    open_run.HubSpotClient = impatient_client  # type: ignore[misc,assignment]  # a silence costs a test no minute
    for module in (push, undo):
        module.BATCH_SIZE = options.batch or module.BATCH_SIZE  # type: ignore[attr-defined]  # many batches of a few
    kill_at_step = options.kill_at_step
    os.chdir(folder)
    os.environ.update(environment)
    sys.stdout = (folder / "out").open("w", encoding="utf-8")
    sys.stderr = (folder / "err").open("w", encoding="utf-8")
    step_count = _count_steps(kill_at_step) if kill_at_step else lambda: 0
    code = run_command(list(arguments))
    (folder / "steps").write_text(str(step_count()), encoding="utf-8")
    sys.stdout.close()
    sys.stderr.close()
    os._exit(code)


def _wait_briefly(seconds: float) -> None:
    time.sleep(min(seconds, 0.01))


def _count_steps(kill_at_step: int) -> Callable[[], int]:
    """Count each commit of what was written, and die right before one of them.

    Nothing else that a store does lasts: a process that dies at any other moment leaves what it
    leaves before the next of these commits, or before its next request.
    """
    from sqlalchemy import Connection, Engine, event

    steps = 0

    def step(connection: Connection) -> None:
        nonlocal steps
        if connection.get_execution_options().get("begin") == "BEGIN":
            return  # a transaction that reads
        steps += 1
        if steps == kill_at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", step)
    return lambda: steps
