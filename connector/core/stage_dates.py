"""Name the dates that a backward move changes, by the portal's own property definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from connector.core.model import STAGE, Correction, Direction, ObjectType, Portal

# The older dates belong to a stage by its id; those that HubSpot calculates may have digits
# after it, and their suffix is the id in small letters (HubSpot's changelog on stage properties).
_LEGACY: Final = r"hs_lifecyclestage_{id}_date"
_ENTERED: Final = r"hs_v2_date_entered_{id}(_\d+)?"
_EXITED: Final = r"hs_v2_date_exited_{id}(_\d+)?"
_NOW: Final = "hs_v2_date_entered_current_stage"


def changed_dates(portal: Portal) -> Callable[[Correction], tuple[str, ...]]:
    """Return who tells the dates that HubSpot changes when a stage goes back, for good.

    The older date of the stage that is left is dropped, that of the other one set anew; the
    stage counts as entered now. Only properties that this portal has are named.
    """

    @cache
    def dates(kind: ObjectType, before: str, after: str) -> tuple[str, ...]:
        names = portal.definitions.get(kind, {})
        wanted = ((_LEGACY, before), (_LEGACY, after), (_EXITED, before), (_ENTERED, after))
        found = [_named(names, pattern, stage) for pattern, stage in wanted if stage]
        return tuple(name for name in (*found, _NOW if _NOW in names else "") if name)

    def tell(one: Correction) -> tuple[str, ...]:
        if one.property_name != STAGE or one.direction is not Direction.BACKWARD:
            return ()
        return dates(one.record.object_type, one.before, one.after)

    return tell


def _named(names: Mapping[str, object], pattern: str, stage: str) -> str:
    """Return the property of a stage that fits, the plainest first; "" where there is none."""
    suffix = re.escape(stage.casefold().replace("-", "_"))
    fitting = re.compile(pattern.replace("{id}", suffix))
    return min((name for name in names if fitting.fullmatch(name)), key=len, default="")
