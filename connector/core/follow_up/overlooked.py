"""Decide which contacts are overlooked: ready for sales, and without follow-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.binding.settings import bound_values, portal_names
from connector.core.conditions.values import Value, parse_time
from connector.core.follow_up.business_time import BusinessCalendar, business_calendar
from connector.core.history.stage_periods import build_periods
from connector.core.model import STAGE, STATUS, ObjectType, Portal, Record, Ref, Version

# HubSpot calculates it for contacts, companies and deals (its changelog on stage properties).
ENTERED_CURRENT_STAGE: Final = "hs_v2_date_entered_current_stage"
_OWNER: Final = "hubspot_owner_id"
_MQL: Final = "marketingqualifiedlead"


class MissingFollowUp(StrEnum):
    """What an overlooked contact lacks; the values are the words of reports."""

    STATUS = "nobody has worked on the lead status"
    OWNER = "nobody owns it"
    ACTIVITY = "no activity since then"
    HANDOVER = "it fits, and nobody has taken it over"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpTerms:
    """When a contact counts as overlooked; `activity_property` is "" where none is named.

    `wait_times` holds the stages that count and how long each may last, in business days where
    there is a `calendar`; in the `sales_stages`
    sales has taken over, in any other one it has not. A contact whose lead status is one of the
    `verdicts` never counts, whatever it lacks.
    """

    wait_times: Mapping[str, timedelta]
    sales_stages: frozenset[str]
    verdicts: frozenset[str]
    untouched_statuses: frozenset[str]
    activity_property: str
    calendar: BusinessCalendar | None = None

    def is_over(self, term: timedelta, since: datetime, now: datetime) -> bool:
        """Return whether more time than a term has passed."""
        if self.calendar:
            return self.calendar.is_over(term, since, now)
        return now - since > term


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlookedContact:
    """A contact without follow-up, and what it lacks; blank is "".

    Where the time when it entered its stage is unknown, `since` is its last change: it has
    waited at least since then, and `since_is_exact` is False. `term` is how long it may wait.
    """

    record: Ref
    stage: str
    since: datetime
    since_is_exact: bool
    status: str
    owner: str
    term: timedelta
    missing_follow_up: tuple[MissingFollowUp, ...]


def follow_up_terms(policy: BoundPolicy, portal: Portal) -> FollowUpTerms:
    """Return the terms of a policy, in the portal's internal values."""
    settings = policy.policy.settings
    values = bound_values(settings, portal_names(portal, ObjectType.CONTACTS))
    sales_stages = _texts(values["lead_status.applies_to"])
    default = timedelta(days=policy.policy.number("follow_up.days"))
    stages = portal.stages(ObjectType.CONTACTS)
    has_fit = policy.object_policies[ObjectType.CONTACTS].follow_up_fit is not None
    fitting = {stage.value for stage in stages if has_fit and stage.value == _MQL}
    waiting_stages = dict.fromkeys(sorted(sales_stages | fitting), default)
    return FollowUpTerms(
        wait_times=waiting_stages | _terms(values["follow_up.terms"]),
        sales_stages=sales_stages,
        verdicts=_texts(values["lead_status.verdicts"]),
        untouched_statuses=_texts(values["follow_up.statuses"]) | {""},
        activity_property=policy.activity_property,
        calendar=business_calendar(settings, policy.zone),
    )


def entered_stage_at(
    record: Record, versions: Sequence[Version], *, mirror_source: str
) -> datetime | None:
    """Return when a record entered its stage; None where that is unknown.

    HubSpot's own date is mirrored with the next pull, so what the ledger knows may be newer. A
    version of the source type `MIRROR` says only when the mirror saw the stage: HubSpot's counts.
    """
    hubspot_time = parse_time(record.properties.get(ENTERED_CURRENT_STAGE))
    latest_periods = build_periods(versions)[-1:]
    if not latest_periods or latest_periods[0].stage != record.value(STAGE):
        return hubspot_time
    if hubspot_time is None:
        return latest_periods[0].since
    return (
        hubspot_time
        if latest_periods[0].source_type == mirror_source
        else max(hubspot_time, latest_periods[0].since)
    )


def overlooked_contact(
    terms: FollowUpTerms, record: Record, since: datetime | None, now: datetime
) -> OverlookedContact | None:
    """Return a contact with what it lacks; None where it is not overlooked."""
    waiting_since, status = since or record.modified_at, record.properties.get(STATUS) or ""
    term = terms.wait_times.get(record.value(STAGE))
    if term is None or status in terms.verdicts or not terms.is_over(term, waiting_since, now):
        return None
    missing_follow_up = tuple(_missing_follow_up(terms, record, waiting_since))
    if not missing_follow_up:
        return None
    return OverlookedContact(
        record=record.ref,
        stage=record.value(STAGE),
        since=waiting_since,
        since_is_exact=since is not None,
        status=status,
        owner=record.properties.get(_OWNER) or "",
        term=term,
        missing_follow_up=missing_follow_up,
    )


def _missing_follow_up(
    terms: FollowUpTerms, record: Record, since: datetime
) -> Iterator[MissingFollowUp]:
    if record.value(STAGE) not in terms.sales_stages:
        yield MissingFollowUp.HANDOVER
    elif (record.properties.get(STATUS) or "") in terms.untouched_statuses:
        yield MissingFollowUp.STATUS
    if not record.properties.get(_OWNER):
        yield MissingFollowUp.OWNER
    if terms.activity_property:
        last_activity_at = parse_time(record.properties.get(terms.activity_property))
        if last_activity_at is None or last_activity_at < since:
            yield MissingFollowUp.ACTIVITY


def _terms(value: Value) -> dict[str, timedelta]:
    """Return the days of each stage, from a flat list of pairs."""
    texts = value if isinstance(value, tuple) else ()
    return {
        str(stage): timedelta(days=float(str(days)))
        for stage, days in zip(texts[::2], texts[1::2], strict=True)
    }


def _texts(value: Value) -> frozenset[str]:
    values = value if isinstance(value, tuple) else (value,)
    return frozenset(text for text in values if isinstance(text, str))
