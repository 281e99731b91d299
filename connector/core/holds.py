"""Holds: what is not corrected although a rule asks for it, why, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Final

from connector.core.model import Correction, ObjectType, Record, Version
from connector.core.values import domain
from connector.core.writers import named

# What people's hands sign with (`PropertyValue.source` in HubSpot's public OpenAPI files); the
# id of a user alone proves nothing, since calculated values carry it too.
_PEOPLE: Final = frozenset(
    {
        "CRM_UI",
        "CRM_UI_BULK_ACTION",
        "MOBILE_IOS",
        "MOBILE_ANDROID",
        "CONTACTS_WEB",
        "WORK_UI",
        "SALES",
        "SIDEKICK",
        "EXTENSION",
    }
)
_IMPORT: Final = "IMPORT"


class Scope(StrEnum):
    """What a hold is about: one record, or all records that have something in common."""

    RECORD = "record"
    COMPANY = "company"
    DOMAIN = "domain"
    OWNER = "owner"
    VALUE = "value"


class Origin(StrEnum):
    """Where a hold comes from; newer evidence ends all but the operator's."""

    OPERATOR = "operator"
    UNDONE = "undone"
    EDIT = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What is held: `of` is a record, domain, owner id or `property=value`, as `scope` says.

    `property_name` is "" where both stage and lead status are held; `until` is None where only
    removing the hold (or, unless the operator set it, newer evidence) ends it.
    """

    scope: Scope
    of: str
    property_name: str
    reason: str
    by: str
    since: datetime
    until: datetime | None = None
    origin: Origin = Origin.OPERATOR


class Why(StrEnum):
    """Why a correction is left aside."""

    HELD = "held"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A correction that is not sent, the reason, and until when, where that is known."""

    correction: Correction
    why: Why
    reason: str
    by: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """How a portal holds what people set: for so many days, with imports or without."""

    days: float
    imports: bool


def by_person(version: Version, terms: HoldTerms) -> bool:
    """Whether a person set this value; decided by the source's type, never by a user's id."""
    return version.source_type in _PEOPLE or (terms.imports and version.source_type == _IMPORT)


def of_edit(name: str, record: str, edit: Version, terms: HoldTerms) -> Hold:
    """Return the hold on what a person set; a clearing by hand is one too."""
    what = f"set {edit.value}" if edit.value else "cleared it"
    return Hold(
        scope=Scope.RECORD,
        of=record,
        property_name=name,
        reason=f"{named(edit)} {what} on {edit.at:%Y-%m-%d %H:%M}",
        by=named(edit),
        since=edit.at,
        until=edit.at + timedelta(days=terms.days),
        origin=Origin.EDIT,
    )


def of_person(name: str, record: Record, terms: HoldTerms) -> Hold | None:
    """Return the hold that the present value's history asks for, if a person set it.

    A record fresh from HubSpot is needed: one that was read with its history.
    """
    history = record.history.get(name, ())
    if not history or not by_person(history[0], terms):
        return None
    return of_edit(name, str(record.ref), history[0], terms)


def in_force(hold: Hold, *, now: datetime, evidence_at: datetime | None) -> bool:
    """Whether a hold has neither run out nor been overtaken by newer evidence."""
    if hold.until is not None and hold.until <= now:
        return False
    lifts = hold.origin is not Origin.OPERATOR
    return not (lifts and evidence_at is not None and evidence_at > hold.since)


def names_of(record: Record) -> Iterator[tuple[Scope, str]]:
    """Yield every scope that a record falls into, in the words of a hold's `of`."""
    yield Scope.RECORD, str(record.ref)
    get = record.properties.get
    if record.ref.object_type is ObjectType.COMPANIES:
        yield Scope.COMPANY, str(record.ref)
    elif number := get("associatedcompanyid"):
        yield Scope.COMPANY, f"companies/{number}"
    host = domain(get("email") or get("domain")) or ""
    while "." in host:
        yield Scope.DOMAIN, host
        host = host.partition(".")[2]
    if owner := get("hubspot_owner_id"):
        yield Scope.OWNER, owner
    for name, value in record.properties.items():
        yield Scope.VALUE, f"{name}={value or ''}"


def longest(holds: Iterable[Hold]) -> Hold | None:
    """Return the hold that lasts longest; one without an end lasts longer than any other."""
    return max(holds, key=lambda one: (one.until is None, one.until or one.since), default=None)


def buried(
    history: Sequence[Version], seen: tuple[datetime, str] | None, wanted: str, terms: HoldTerms
) -> Version | None:
    """Return a person's edit that our write covered, None where there is none.

    `history` is newest first; `seen` is when and to what the property had been set when it
    was last read before the write, None where it never had been.
    """
    news = list(takewhile(lambda one: seen is None or _is_after(one, seen), history))
    if not news or by_person(news[0], terms):
        return None
    edit = next((one for one in news if by_person(one, terms)), None)
    return edit if edit is not None and edit.value != wanted else None


def _is_after(version: Version, seen: tuple[datetime, str]) -> bool:
    at, value = seen
    return version.at > at or (version.at == at and version.value != value)
