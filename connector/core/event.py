"""The event: HubSpot's word that something happened to a record, which only calls for a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A record to be looked at; `links` says that its associations are to be read as well.

    `key` is made from what was told, so that a delivery repeated is the same event.
    """

    key: str
    record: Ref
    read_associations: bool
    at: datetime
