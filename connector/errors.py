"""Every failure, in three families: say it, wait for it, or set one record aside."""

from __future__ import annotations


class ConnectorError(Exception):
    """Any failure that is not a bug of ours."""


class UserError(ConnectorError):
    """The user must act; the message says what, where, and what to do next."""


class TemporaryError(ConnectorError):
    """Waiting helps; `retry_after` is the server's wait in seconds, where it named one."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, correlation_id: str = ""
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.correlation_id = correlation_id


class StorageError(ConnectorError):
    """The database does not store or read now; HubSpot is not concerned.

    Which family an error of the database belongs to, its own class says.
    """


class PermanentError(ConnectorError):
    """Waiting does not help, and only the thing at hand is affected: set it aside."""

    def __init__(self, message: str, *, correlation_id: str = "") -> None:
        super().__init__(message)
        self.correlation_id = correlation_id
