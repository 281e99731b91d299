"""A worker: it takes jobs from the queue, and runs a cycle of a portal for each."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock, Timer
from typing import Final

import psycopg
import structlog
from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException

from connector.app import SHUTDOWN_SECONDS
from connector.config import settings
from connector.config.portal_files import PortalFile, PortalFolder
from connector.errors import UserError
from connector.fleet.portal_work import CycleEnd, PortalWork, new_portal_work
from connector.fleet.queue import (
    CYCLE_QUEUE,
    CYCLE_TASK,
    HEARTBEAT_SECONDS,
    KEEP_QUEUE,
    STALLED_SECONDS,
    OwnJobs,
    defer_cycle,
    defer_missing_cycles,
    make_tables,
    new_app,
    retry_stalled_jobs,
    unreachable_error,
)
from state.db.store import Store

_EVERY_TEN_SECONDS: Final = "* * * * * */10"  # a sixth field counts seconds
_PAUSE_SECONDS: Final = 2.0
"""Seconds until jobs are looked for again, where the queue's database went away."""
_LOST_SECONDS: Final = 10.0
_log = structlog.get_logger()


class OpenPortals:
    """The portals that this worker has open, and what is wrong with the others."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._works: dict[str, PortalWork] = {}
        self._problems: dict[str, str] = {}
        self._lock = Lock()

    def read_folder(self) -> PortalFolder:
        """Return the portals as their files say now; a new mistake is logged once."""
        folder = settings.read_portals()
        for name, problem in folder.problems.items():
            self._note_problem(name, problem)
        return folder

    def _note_problem(self, name: str, problem: str) -> None:
        with self._lock:
            is_known = self._problems.get(name) == problem
            self._problems[name] = problem
        if not is_known:
            _log.error("portal.file_wrong", portal=name, message=problem)

    def run_cycle(self, name: str) -> CycleEnd | None:
        """Run a cycle of a portal; None where its file is gone or wrong, and no cycle follows.

        The files are read every ten seconds: a file that is put right begins anew.
        """
        with structlog.contextvars.bound_contextvars(portal_name=name):
            file = self.read_folder().portals.get(name)
            if file is None:
                self._forget(name)
                return None
            try:
                work = self._work_of(file)
            except UserError as error:
                self._note_problem(name, str(error))
                return None
            return work.run_cycle()

    def request_stop(self) -> None:
        """Ask every running cycle to stop where that is safe."""
        with self._lock:
            for work in self._works.values():
                work.request_stop()

    def close(self) -> None:
        """Close every portal."""
        for name in list(self._works):
            self._forget(name)

    def _work_of(self, file: PortalFile) -> PortalWork:
        """Return the work of a portal, opened anew where its file asks for that."""
        with self._lock:
            work = self._works.get(file.name)
            is_outdated = work is not None and work.is_outdated(file)
        if is_outdated and self._forget(file.name):
            _log.info("portal.opened_anew", portal=file.name)
        with self._lock:
            if file.name not in self._works:
                self._works[file.name] = new_portal_work(self._store, file, self._monotonic)
                self._problems.pop(file.name, None)
            return self._works[file.name]

    def _forget(self, name: str) -> bool:
        """Close a portal; False while a cycle of it runs, and it stays open then."""
        with self._lock:
            work = self._works.get(name)
            if work is None:
                return True
            if not work.close():
                return False
            del self._works[name]
            return True


def run(database_url: str, *, concurrency: int, monotonic: Callable[[], float]) -> int:
    """Work on up to `concurrency` portals at once, until SIGTERM or SIGINT."""
    if not database_url.startswith("postgresql"):
        raise UserError(
            "Workers share a PostgreSQL database: set CONNECTOR_DATABASE_URL to one, or use "
            "`connector run` on this machine alone."
        )
    with Store.open(database_url, portals_at_once=concurrency) as store:
        make_tables(database_url)
        portals = OpenPortals(store, monotonic)
        if not portals.read_folder().names:
            raise UserError(
                "There is no portal file to work on: `connector portals add NAME` begins one."
            )
        try:
            asyncio.run(work_until_stopped(new_app(database_url), portals, concurrency))
        except (ConnectorException, psycopg.Error) as error:
            raise unreachable_error(error) from None
        finally:
            portals.close()
    _log.info("worker.stopped")
    return 0


def add_tasks(app: App, portals: OpenPortals, pool: ThreadPoolExecutor, own_jobs: OwnJobs) -> None:
    """Add what a worker can do to the queue's app."""

    @app.task(name=CYCLE_TASK, pass_context=True)
    async def cycle(context: JobContext, portal: str) -> None:
        loop = asyncio.get_running_loop()
        with own_jobs.running(context.job):
            ended = await loop.run_in_executor(pool, portals.run_cycle, portal)
            if ended is not None:
                await defer_cycle(app, portal, seconds=ended.next_in_seconds)

    # One worker of the fleet does this each time: the queue gives a moment to one of them.
    @app.periodic(cron=_EVERY_TEN_SECONDS)
    @app.task(name="keep", queue=KEEP_QUEUE, queueing_lock="keep")
    async def keep(timestamp: int) -> None:
        if stalled_count := await retry_stalled_jobs(app):
            _log.warning("jobs.taken_over", jobs=stalled_count)
        folder = await asyncio.to_thread(portals.read_folder)
        await defer_missing_cycles(app, folder.portals)


async def work_until_stopped(app: App, portals: OpenPortals, concurrency: int) -> None:
    """Take jobs until SIGTERM or SIGINT, whatever becomes of the database meanwhile."""
    own_jobs = OwnJobs()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="cycle") as pool:
        add_tasks(app, portals, pool, own_jobs)
        async with app.open_async():
            work = asyncio.gather(
                run_again(lambda: _take_jobs(app, CYCLE_QUEUE, concurrency), _PAUSE_SECONDS),
                run_again(lambda: _take_jobs(app, KEEP_QUEUE, 1), _PAUSE_SECONDS),
                run_again(lambda: _look_for_lost_jobs(app, own_jobs), _LOST_SECONDS),
            )
            _stop_on_signals(work, portals)
            _log.info("worker.started", concurrency=concurrency)
            with suppress(asyncio.CancelledError):
                await work


async def run_again(work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    """Do some work for ever, with a pause after each end: a database that went away ends nothing.

    procrastinate's worker ends where the connection breaks while it looks for jobs, and where
    one of its own tasks beside the jobs failed.
    """
    while True:
        try:
            await work()
        except (ConnectorException, psycopg.Error) as error:
            # Without its words, which may hold the address.
            _log.warning("queue.failing", error=type(error.__cause__ or error).__name__)
        await asyncio.sleep(pause_seconds)


async def _take_jobs(app: App, queue: str, concurrency: int) -> None:
    """Take jobs of a queue until the worker is asked to stop, or the database is away."""
    await app.run_worker_async(
        queues=[queue],
        concurrency=concurrency,
        install_signal_handlers=False,
        # What failed is deferred anew: its row would stay for ever.
        delete_jobs="always",
        fetch_job_polling_interval=1.0,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
    )


async def _look_for_lost_jobs(app: App, own_jobs: OwnJobs) -> None:
    if lost_count := await own_jobs.retry_lost(app):
        _log.warning("jobs.taken_over", jobs=lost_count)


def _stop_on_signals(work: asyncio.Future[tuple[None, None, None]], portals: OpenPortals) -> None:
    """On SIGTERM or SIGINT take no new job, and let running cycles end where that is safe."""

    def stop() -> None:
        portals.request_stop()
        work.cancel()
        # A request that hangs is left: its outcome is read by whoever takes the portal over.
        leave = Timer(SHUTDOWN_SECONDS, os._exit, args=[0])
        leave.daemon = True
        leave.start()

    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stop)
