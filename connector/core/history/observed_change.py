"""The changes that others made in HubSpot, as the mirror saw them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedChange:
    """A property that somebody else changed, as the mirror saw it; a blank value is "".

    A deal that is new in the portal is a change of its stage from "". `at` is when it was seen.
    """

    record: Ref
    property_name: str
    before: str
    after: str
    at: datetime
