"""Derive the facts about who set a record's stage and lead status, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Final

from connector.core.binding.bound_policy import ObjectPolicy
from connector.core.conditions.values import Value, Values, parse_time
from connector.core.conditions.vocabulary import ENTERED_PREFIX
from connector.core.history.writers import UNKNOWN_SOURCES, is_by_person
from connector.core.model import STAGE, Record, Version

_ENTERED_CURRENT: Final = "hs_v2_date_entered_current_stage"


def present_version(record: Record, name: str) -> Version | None:
    """Return the version that set a property's present value, None where it is not known.

    The newest version is out of date where it has another value. A version that only the mirror
    saw names no author.
    """
    history = record.history.get(name, ())
    is_known = history and history[0].value == (record.properties.get(name) or "")
    return history[0] if is_known and history[0].source_type not in UNKNOWN_SOURCES else None


def status_values(status: str, version: Version | None, *, imports: bool) -> dict[str, Value]:
    """Return who set the present lead status, and when; an unknown author counts as a person.

    `imports` says whether an import counts as a person. A blank status has no author.
    """
    return {
        "status.by_person": bool(status)
        and (version is None or is_by_person(version, imports=imports)),
        "status.since": version.at if status and version else None,
    }


def is_converted_since_status(values: Values) -> bool:
    """Return whether the latest form conversion is newer than the lead status.

    A status whose time is unknown counts as newer than every form.
    """
    converted_at, since = values.get("contact.last_conversion_at"), values.get("status.since")
    return (
        isinstance(converted_at, datetime)
        and isinstance(since, datetime)
        and (converted_at > since)
    )


def stage_values(object_policy: ObjectPolicy, record: Record) -> dict[str, Value]:
    """Return the time of entry into the present stage, the stage before, and earlier entries.

    The times come from the history of the stage. Without a history, the present time comes from
    HubSpot's own date, which some of its plans have (`hs_v2_date_entered_current_stage`,
    HubSpot's knowledge base on lifecycle stage properties).
    """
    stage = record.properties.get(STAGE) or ""
    history = record.history.get(STAGE, ()) if present_version(record, STAGE) else ()
    since = _entered_at(history, stage) or parse_time(record.properties.get(_ENTERED_CURRENT))
    previous = (version.value for version in history if version.value not in {"", stage})
    return {
        "stage.since": since if stage else None,
        "stage.previous": next(previous, None),
        **{
            f"{ENTERED_PREFIX}{entered}": _last_entered_at(history, entered)
            for entered in object_policy.entered_stages
        },
    }


def _entered_at(history: Sequence[Version], stage: str) -> datetime | None:
    """Return when the newest stay in a stage began."""
    times = [version.at for version in takewhile(lambda entry: entry.value == stage, history)]
    return times[-1] if times else None


def _last_entered_at(history: Sequence[Version], stage: str) -> datetime | None:
    """Return when a stage was last entered, also where the record has left it since."""
    start = next((index for index, entry in enumerate(history) if entry.value == stage), None)
    return None if start is None else _entered_at(history[start:], stage)
