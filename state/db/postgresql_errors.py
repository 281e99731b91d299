"""Say what is wrong with a PostgreSQL database, without the values that it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connector.errors import ConnectorError
from state.db.errors import DatabaseUnreachable, DatabaseUnusable
from state.db.locks import Busy

# SQLSTATE codes and their classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ACTIONS: Final[Mapping[str, str]] = {
    "28": "the server refuses this user or password: correct CONNECTOR_DATABASE_URL",
    "3D": "there is no such database on the server: create it (`createdb`), or correct "
    "CONNECTOR_DATABASE_URL",
    "42501": "this user lacks a right: let it own the database, or grant it",
    "25006": "the server accepts no writes: it is a standby, or set read-only; name the primary "
    "by CONNECTOR_DATABASE_URL",
    "53100": "the server's disk is full: free some space and start again; nothing that was "
    "stored is lost",
    "XX001": "the database is damaged: keep it, for it holds the audit, and go on with your last "
    "backup",
    "XX002": "an index of the database is damaged: run `REINDEX DATABASE`, then start again",
}
_PASSING: Final[Mapping[str, str]] = {
    "08": "the connection to the server was lost",
    "53": "the server has no room for another connection or query",
    "57": "the server is shutting down, starting, or ended this connection",
    "25P03": "the server ended a transaction that had been idle for too long",
    "40": "another transaction was in the way",
}
# Of these the driver tells only the server's words.
_REFUSALS: Final[Mapping[str, str]] = {
    'role "': "28",
    "password": "28",
    "pg_hba.conf": "28",
    'database "': "3D",
}
_LOCKED: Final = "55P03"
# Of these, the server's own words name tables, columns and rights, and no values.
_WORDS_WITHOUT_VALUES: Final = frozenset({"08", "23", "28", "3D", "40", "42", "53", "55", "57"})


@contextmanager
def explain_errors(database_name: str) -> Iterator[None]:
    """Turn what the server or the driver says into an error that says what to do next."""
    try:
        yield
    except DBAPIError as error:
        explained = _explained_error(error, database_name)
        if explained is None:
            raise
        raise explained from error
    except PoolTimeoutError as error:
        raise DatabaseUnreachable(
            f"{database_name}: every connection of this process is in use; it is tried again. "
            "Where this lasts, let `connector worker` work on fewer portals (`--concurrency`)"
        ) from error


def remove_values(context: ExceptionContext) -> None:
    """Take the values out of an error before anybody can log it.

    The server repeats values in DETAIL and CONTEXT lines, and in the message of a value that
    has the wrong type (`invalid input syntax for type bigint: "…"`); SQLAlchemy's
    `hide_parameters` hides only what it has formatted itself.
    """
    original = context.original_exception
    diagnosis = getattr(original, "diag", None)
    if diagnosis is None or diagnosis.sqlstate is None:
        return
    name = f"{type(original).__module__}.{type(original).__name__}"
    for error in filter(None, (original, context.sqlalchemy_exception)):
        error.args = (f"({name}) {_words_without_values(diagnosis)}",)


def _words_without_values(diagnosis: Any) -> str:
    state: str = diagnosis.sqlstate
    if state[:2] in _WORDS_WITHOUT_VALUES or state == "P0001":
        return str(diagnosis.message_primary)
    names = (diagnosis.table_name, diagnosis.column_name, diagnosis.constraint_name)
    return " ".join(["SQLSTATE", state, *filter(None, names)])


def _explained_error(error: DBAPIError, database_name: str) -> ConnectorError | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # The driver itself could not connect, or lost the server without an answer.
        lost = error.connection_invalidated or type(error.orig).__name__ == "OperationalError"
        return _unreachable_error(error, database_name) if lost else None
    if state == _LOCKED:
        return Busy(f"{database_name}: another transaction keeps it locked; it is tried again")
    for codes in (state, state[:2]):
        if codes in _ACTIONS:
            return DatabaseUnusable(f"{database_name}: {_ACTIONS[codes]}")
        if codes in _PASSING:
            return DatabaseUnreachable(f"{database_name}: {_PASSING[codes]}; it is tried again")
    return None


def _unreachable_error(error: DBAPIError, database_name: str) -> ConnectorError:
    """Tell a refusal to let us in, which the driver reports without a code, from silence."""
    words = str(error.orig)
    for phrase, codes in _REFUSALS.items():
        if phrase in words:
            return DatabaseUnusable(f"{database_name}: {_ACTIONS[codes]}")
    return DatabaseUnreachable(
        f"{database_name}: the server cannot be reached; see that it runs, and that "
        "CONNECTOR_DATABASE_URL names its host and port"
    )
