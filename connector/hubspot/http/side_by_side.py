"""Send several requests side by side, so that a slow answer holds up no other one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import Final, TypeVar

WIDTH: Final = 12
"""Requests under way at once: at 600 ms an answer, 12 fill a burst limit of 190 in ten seconds."""

Result = TypeVar("Result")


class SideBySide:
    """A bounded pool of threads for requests that do not depend on each other.

    The pace is not kept here: each request waits for its slot by itself. The threads are started
    when they are first needed.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._lock = Lock()
        self._is_interrupted = False

    def run(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """Make these calls side by side, and return their results in the same order.

        Raise the failure of the first call that failed, in that order, once no call is under way
        any more; those that were not begun are left out. Each call sees the context variables
        of the caller. A single call is made in the caller's own thread. An interrupt by the
        operator waits for no call: the process is about to end, as if it were killed.
        """
        if len(calls) < 2:
            return [call() for call in calls]
        pool = self._start()
        futures: list[Future[Result]] = [
            pool.submit(copy_context().run, call)  # one context cannot be entered twice at once
            for call in calls
        ]
        try:
            results = [future.result() for future in futures]
        except KeyboardInterrupt:
            self._is_interrupted = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        except BaseException:
            _end_all(futures)
            raise
        return results

    def close(self) -> None:
        """End the threads; the calls under way are waited for, unless the operator interrupted."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=not self._is_interrupted, cancel_futures=True)
                self._pool = None

    def _start(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(WIDTH, thread_name_prefix="hubspot")
            return self._pool


def _end_all(futures: Sequence[Future[Result]]) -> None:
    """Begin none of these calls any more, and wait for those that are under way."""
    for future in futures:
        if not future.cancel():
            future.exception()
