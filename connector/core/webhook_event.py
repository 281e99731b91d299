"""The event: HubSpot's word that something happened to a record, which only calls for a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A record to be looked at; `read_associations` says that its links are read as well.

    `key` is made from the event's content, so that a repeated delivery is the same event.
    """

    key: str
    record: Ref
    read_associations: bool
    at: datetime
