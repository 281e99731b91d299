"""Define holds: which corrections must not be sent, why, and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from connector.core.conditions.value_text import format_moment
from connector.core.conditions.values import parse_domain
from connector.core.history.writers import (
    UNKNOWN_SOURCES,
    Source,
    is_by_person,
    may_be_ours,
    writer_text,
)
from connector.core.model import STAGE, Correction, ObjectType, Record, Version


class HoldScope(StrEnum):
    """The scope of a hold: one record, or all records with a common value."""

    RECORD = "record"
    COMPANY = "company"
    DOMAIN = "domain"
    OWNER = "owner"
    VALUE = "value"


class HoldOrigin(StrEnum):
    """The origin of a hold; newer evidence ends one on an undone, rejected or edited value."""

    OPERATOR = "operator"
    UNDONE = "undone"
    REJECTED = "rejected"
    EDIT = "edit"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold: `target` is a record, domain, owner id or `property=value`, as `scope` says.

    `property_name` is "" where both stage and lead status are held; `until` is None where only
    removing the hold (or, unless the operator set it, newer evidence) ends it.
    """

    scope: HoldScope
    target: str
    property_name: str
    reason: str
    by: str
    since: datetime
    until: datetime | None = None
    origin: HoldOrigin = HoldOrigin.OPERATOR


class HeldBackCause(StrEnum):
    """Why a correction is held back."""

    HELD = "held"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A correction that is not sent, the reason, and until when, where that is known."""

    correction: Correction
    cause: HeldBackCause
    reason: str
    by: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """The settings of holds on values that people set: days, and whether imports count.

    `zone` is the time zone in which the reasons of holds say their times.
    """

    days: float
    imports: bool
    zone: ZoneInfo


def hold_for_edit(name: str, record: str, edit: Version, terms: HoldTerms) -> Hold:
    """Return the hold on a value that a person set; a manual clear is held too."""
    action = f"set {edit.value}" if edit.value else "cleared it"
    return Hold(
        scope=HoldScope.RECORD,
        target=record,
        property_name=name,
        reason=f"{writer_text(edit)} {action} on {format_moment(edit.at, terms.zone)}",
        by=writer_text(edit),
        since=edit.at,
        until=edit.at + timedelta(days=terms.days),
        origin=HoldOrigin.EDIT,
    )


def hold_for_person(name: str, record: Record, terms: HoldTerms) -> Hold | None:
    """Return the hold that the present value's history asks for, if a person set it.

    A record fresh from HubSpot is needed: one that was read with its history.
    """
    history = record.history.get(name, ())
    if not history or not is_by_person(history[0], imports=terms.imports):
        return None
    return hold_for_edit(name, str(record.ref), history[0], terms)


def hold_for_program(
    record: Record,
    rules: Collection[str],
    own_source: str,
    *,
    minutes: float,
    now: datetime,
    zone: ZoneInfo,
) -> Hold | None:
    """Return the hold on a blank stage that another program is about to set, None without one.

    A workflow can move a stage backward only by clearing it and then setting it (HubSpot's
    knowledge base, "Update lifecycle stages"). A value that we write in between makes HubSpot
    ignore that set. So a stage that a program cleared less than `minutes` before `now` stays
    blank; our own versions have the source type `own_source`. A record that was created without
    a stage less than `minutes` ago is held too, where the rule `blank` is among the `rules` that
    would fill it: its creator may set the stage with the next request. The reason says its time
    in `zone`.
    """
    wait = timedelta(minutes=minutes)
    history = record.history.get(STAGE, ())
    if not history:
        is_new = "blank" in rules and record.created_at + wait > now
        created_text = format_moment(record.created_at, zone)
        reason = f"it was created without a stage on {created_text}"
        return _program_hold(record, reason, "", record.created_at, wait) if is_new else None
    clear = history[0]
    is_by_program = not is_by_person(clear, imports=False) and clear.source_type not in {
        own_source,
        *UNKNOWN_SOURCES,
    }
    if clear.value or not is_by_program or clear.at + wait <= now:
        return None
    writer = writer_text(clear)
    cleared_text = format_moment(clear.at, zone)
    reason = f"{writer} cleared it on {cleared_text}, and may be about to set it"
    return _program_hold(record, reason, writer, clear.at, wait)


def _program_hold(record: Record, reason: str, by: str, since: datetime, wait: timedelta) -> Hold:
    return Hold(
        scope=HoldScope.RECORD,
        target=str(record.ref),
        property_name=STAGE,
        reason=reason,
        by=by,
        since=since,
        until=since + wait,
        origin=HoldOrigin.PROGRAM,
    )


def is_in_force(hold: Hold, *, now: datetime, evidence_at: datetime | None) -> bool:
    """Return whether a hold has neither run out nor been overtaken by newer evidence."""
    if hold.until is not None and hold.until <= now:
        return False
    ends_on_evidence = hold.origin in {
        HoldOrigin.UNDONE,
        HoldOrigin.REJECTED,
        HoldOrigin.EDIT,
    }
    return not (ends_on_evidence and evidence_at is not None and evidence_at > hold.since)


def hold_scopes(record: Record) -> Iterator[tuple[HoldScope, str]]:
    """Yield every scope that a record falls into, in the words of a hold's `target`."""
    yield HoldScope.RECORD, str(record.ref)
    get = record.properties.get
    if record.ref.object_type is ObjectType.COMPANIES:
        yield HoldScope.COMPANY, str(record.ref)
    elif company_id := get("associatedcompanyid"):
        yield HoldScope.COMPANY, f"companies/{company_id}"
    host = parse_domain(get("email") or get("domain")) or ""
    while "." in host:
        yield HoldScope.DOMAIN, host
        host = host.partition(".")[2]
    if owner := get("hubspot_owner_id"):
        yield HoldScope.OWNER, owner
    for name, value in record.properties.items():
        yield HoldScope.VALUE, f"{name}={value or ''}"


def longest_hold(holds: Iterable[Hold]) -> Hold | None:
    """Return the hold that lasts longest; one without an end lasts longer than any other."""
    return max(holds, key=lambda hold: (hold.until is None, hold.until or hold.since), default=None)


def overwritten_edit(
    history: Sequence[Version],
    last_read: tuple[datetime, str] | None,
    written_value: str,
    terms: HoldTerms,
    own_sources: Collection[Source] = (),
) -> Version | None:
    """Return a person's edit that our write replaced, None where there is none to put back.

    `history` is newest first. `last_read` is the time and value of the newest version that was
    read before the write, None where there was none. `own_sources` are the sources of our own
    versions, as far as they are known. HubSpot has no conditional writes, so only the history
    shows such an edit, after the write.

    None also where putting the edit back would do harm: the newest version is not ours, so
    somebody wrote after us; the version right above the edit is not ours, so somebody else
    replaced it; or the edit is a blank, and putting it back would remove a value.
    """
    new_versions = list(
        takewhile(lambda version: last_read is None or _is_after(version, last_read), history)
    )
    for newer, edit in pairwise(new_versions):
        if not is_by_person(edit, imports=terms.imports):
            continue
        # We clear, set, and, where we died while putting the edit back, set it again.
        our_values = {"", written_value, edit.value}
        is_replaced_by_us = all(
            may_be_ours(version, own_sources) and version.value in our_values
            for version in (newer, new_versions[0])
        )
        return edit if is_replaced_by_us and edit.value not in {"", written_value} else None
    return None


def _is_after(version: Version, last_read: tuple[datetime, str]) -> bool:
    at, value = last_read
    return version.at > at or (version.at == at and version.value != value)
