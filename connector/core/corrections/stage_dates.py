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
_ENTERED_CURRENT: Final = "hs_v2_date_entered_current_stage"


def changed_dates_finder(portal: Portal) -> Callable[[Correction], tuple[str, ...]]:
    """Return a function from corrections to the dates that HubSpot changes for good.

    The older date of the stage that is left is dropped, that of the other one set anew; the
    stage counts as entered now. Only properties that this portal has are named.
    """

    @cache
    def dates(object_type: ObjectType, before: str, after: str) -> tuple[str, ...]:
        names = portal.definitions.get(object_type, {})
        patterns = ((_LEGACY, before), (_LEGACY, after), (_EXITED, before), (_ENTERED, after))
        properties = [
            _matching_property(names, pattern, stage) for pattern, stage in patterns if stage
        ]
        return tuple(
            name
            for name in (*properties, _ENTERED_CURRENT if _ENTERED_CURRENT in names else "")
            if name
        )

    def changed_dates(correction: Correction) -> tuple[str, ...]:
        if correction.property_name != STAGE or correction.direction is not Direction.BACKWARD:
            return ()
        return dates(correction.record.object_type, correction.before, correction.after)

    return changed_dates


def _matching_property(names: Mapping[str, object], pattern: str, stage: str) -> str:
    """Return the property of a stage that fits, the plainest first; "" where there is none."""
    suffix = re.escape(stage.casefold().replace("-", "_"))
    regex = re.compile(pattern.replace("{id}", suffix))
    return min((name for name in names if regex.fullmatch(name)), key=len, default="")
