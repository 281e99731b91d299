"""The queue of jobs in PostgreSQL: which portal is to be worked on, and when.

procrastinate's documentation: https://procrastinate.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.schema import SchemaManager

from connector.errors import TemporaryError
from state.db.addresses import driver_url
from state.db.advisory_locks import lock_key

CYCLE_TASK: Final = "cycle"
CYCLE_QUEUE: Final = "default"
KEEP_QUEUE: Final = "keep"
"""Looking after the jobs has a queue and a place of its own: it waits for no cycle."""
HEARTBEAT_SECONDS: Final = 5.0
STALLED_SECONDS: Final = 20.0
"""A worker that shows no life for so long has lost its jobs: others take them over."""


def new_app(database_url: str) -> App:
    """Return the queue; it must be opened."""
    return App(connector=PsycopgConnector(conninfo=driver_url(database_url)))


def make_tables(database_url: str) -> None:
    """Make the tables of the queue where they are missing; of many starts only one does it."""
    try:
        with psycopg.connect(driver_url(database_url)) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("queue")])
            row = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
            if row is None or row[0] is None:
                connection.execute(SchemaManager.get_schema())
    except psycopg.OperationalError as error:
        raise unreachable_error(error) from None


def unreachable_error(error: Exception) -> TemporaryError:
    """Return the error of a queue whose database does not answer.

    It is without the driver's words, which may hold the address.
    """
    return TemporaryError(
        f"The database does not answer ({type(error).__name__}): the worker cannot start yet."
    )


async def defer_cycle(app: App, portal: str, *, seconds: float = 0) -> None:
    """Let a portal be worked on in so many seconds; one waiting job of a portal is enough."""
    job = app.configure_task(
        CYCLE_TASK,
        queue=CYCLE_QUEUE,
        lock=f"portal {portal}",
        queueing_lock=f"cycle {portal}",
        schedule_in={"milliseconds": round(seconds * 1000)} if seconds > 0 else None,
    )
    try:
        await job.defer_async(portal=portal)
    except AlreadyEnqueued:
        return


async def defer_missing_cycles(app: App, portals: Iterable[str]) -> None:
    """Let each portal be worked on for which no job waits or runs."""
    busy = set()
    for status in (Status.TODO, Status.DOING):
        for job in await app.job_manager.list_jobs_async(task=CYCLE_TASK, status=status.value):
            busy.add(job.task_kwargs.get("portal"))
    for portal in portals:
        if portal not in busy:
            await defer_cycle(app, portal)


async def retry_stalled_jobs(app: App) -> int:
    """Let others do the jobs of workers that show no life; return how many."""
    jobs = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS))
    await _retry(app, jobs)
    return len(jobs)


class OwnJobs:
    """The jobs that this process runs, and those whose end never reached the database.

    Where the connection breaks while a job's end is written down, the job counts as running for
    as long as this process lives, and holds up its portal.
    """

    def __init__(self) -> None:
        self._running: set[int | None] = set()
        self._worker_ids: set[int | None] = set()
        self._suspected: set[int | None] = set()

    @contextmanager
    def running(self, job: Job) -> Iterator[None]:
        """Count a job as running meanwhile."""
        self._worker_ids.add(job.worker_id)
        self._running.add(job.id)
        try:
            yield
        finally:
            self._running.discard(job.id)

    async def retry_lost(self, app: App) -> int:
        """Let jobs be done again that count as ours, and that we do not run; return how many.

        A job that was just taken, or has just ended, looks like one of them: only at the second
        sight in a row it is.
        """
        running_jobs = await app.job_manager.list_jobs_async(
            task=CYCLE_TASK, status=Status.DOING.value
        )
        idle = {
            job.id: job
            for job in running_jobs
            if job.worker_id in self._worker_ids and job.id not in self._running
        }
        lost = [job for job_id, job in idle.items() if job_id in self._suspected]
        await _retry(app, lost)
        self._suspected = set(idle) - {job.id for job in lost}
        return len(lost)


async def _retry(app: App, jobs: Iterable[Job]) -> None:
    for job in jobs:
        try:
            await app.job_manager.retry_job(job)
        except (AlreadyEnqueued, UniqueViolation):
            # Another job of this portal waits already: it does the same.
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
