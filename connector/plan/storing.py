"""Store results of a run, and go on where the disk is full: nothing may stop a set after a clear.

The next start derives what could not be stored from the open moves and from HubSpot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from connector.context import RunContext
from connector.errors import StorageError
from state.db.transaction import Transaction

_log = structlog.get_logger()


def try_to_store(context: RunContext, work: Callable[[Transaction], None]) -> bool:
    """Do work in one writing transaction; return whether it was stored.

    Where the database does not store, the reserve's room is given to it and the work done once
    more. A failure that remains is noted: this run then stores nothing more, and begins no write.
    """
    if context.state.storage_failure is not None:
        return False
    with noting_storage_failures(context):
        try:
            with context.begin() as session:
                work(session)
        except StorageError:
            if not context.store.release_reserve():
                raise
            with context.begin() as session:
                work(session)
        return True
    return False


@contextmanager
def noting_storage_failures(context: RunContext) -> Iterator[None]:
    """Note that the database does not store or read, and go on."""
    try:
        yield
    except StorageError as error:
        if context.state.storage_failure is None:
            _log.error("storing.failed", portal=context.portal_id, message=str(error))
        context.state.storage_failure = error


def raise_storage_failure(context: RunContext) -> None:
    """Raise what kept this run from storing, once nothing more is to be finished."""
    if context.state.storage_failure is not None:
        raise context.state.storage_failure
