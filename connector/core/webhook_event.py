"""Define the webhook event: it names a record that has to be read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A record to read again; `read_associations` says that its associations are read as well.

    `key` is made from the event's content, so that a repeated delivery is the same event.
    """

    key: str
    record: Ref
    read_associations: bool
    at: datetime
