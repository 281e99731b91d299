"""Tells which contacts are ready for sales and wait for somebody to follow up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from connector.core.bound import BoundPolicy
from connector.core.bound_settings import bound_values, names_of
from connector.core.model import STAGE, STATUS, ObjectType, Portal, Record, Ref, Version
from connector.core.periods import periods
from connector.core.values import Value, moment

# HubSpot calculates it for contacts, companies and deals (its changelog on stage properties).
ENTERED: Final = "hs_v2_date_entered_current_stage"
_OWNER: Final = "hubspot_owner_id"


class Lack(StrEnum):
    """What is missing, as people read it."""

    STATUS = "nobody has worked on the lead status"
    OWNER = "nobody owns it"
    ACTIVITY = "no activity since then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When a contact counts as overlooked; `activity` is "" where no property is named.

    A contact with one of the `verdicts` was looked at, and is none whatever else it lacks.
    """

    stages: frozenset[str]
    verdicts: frozenset[str]
    untouched: frozenset[str]
    patience: timedelta
    activity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlooked:
    """A contact that waits, and why; blank is "".

    Where nobody knows when it entered its stage, `since` is its last change: it has waited at
    least since then, and `exact` is False.
    """

    record: Ref
    stage: str
    since: datetime
    exact: bool
    status: str
    owner: str
    lacks: tuple[Lack, ...]


def terms_of(policy: BoundPolicy, portal: Portal) -> Terms:
    """Return the terms of a policy, in the portal's internal values."""
    settings = policy.policy.settings
    values = bound_values(settings, names_of(portal, ObjectType.CONTACTS))
    return Terms(
        stages=_texts(values["lead_status.applies_to"]),
        verdicts=_texts(values["lead_status.verdicts"]),
        untouched=_texts(values["follow_up.statuses"]) | {""},
        patience=timedelta(days=policy.policy.number("follow_up.days")),
        activity=policy.activity_property,
    )


def entered(record: Record, versions: Sequence[Version], *, seen: str) -> datetime | None:
    """Return when a record entered its stage; None where nobody knows.

    HubSpot's own date is mirrored with the next pull, so what the ledger knows may be newer. A
    version of the source type `seen` tells only when the mirror saw the stage: HubSpot's counts.
    """
    told = moment(record.properties.get(ENTERED))
    last = periods(versions)[-1:]
    if not last or last[0].stage != record.value(STAGE):
        return told
    if told is None:
        return last[0].since
    return told if last[0].source_type == seen else max(told, last[0].since)


def overlooked(
    terms: Terms, record: Record, since: datetime | None, now: datetime
) -> Overlooked | None:
    """Return what a contact waits for; None where it is in another stage, or does not wait."""
    began, status = since or record.modified_at, record.properties.get(STATUS) or ""
    if record.value(STAGE) not in terms.stages or status in terms.verdicts:
        return None
    if now - began <= terms.patience:
        return None
    lacks = tuple(_lacks(terms, record, began))
    if not lacks:
        return None
    return Overlooked(
        record=record.ref,
        stage=record.value(STAGE),
        since=began,
        exact=since is not None,
        status=status,
        owner=record.properties.get(_OWNER) or "",
        lacks=lacks,
    )


def _lacks(terms: Terms, record: Record, since: datetime) -> Iterator[Lack]:
    if (record.properties.get(STATUS) or "") in terms.untouched:
        yield Lack.STATUS
    if not record.properties.get(_OWNER):
        yield Lack.OWNER
    if terms.activity:
        last = moment(record.properties.get(terms.activity))
        if last is None or last < since:
            yield Lack.ACTIVITY


def _texts(value: Value) -> frozenset[str]:
    found = value if isinstance(value, tuple) else (value,)
    return frozenset(one for one in found if isinstance(one, str))
