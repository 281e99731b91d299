"""Holds: their scopes, their ends, and who counts as a person. Limits: what exceeds them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.core.corrections.holds import (
    Hold,
    HoldOrigin,
    HoldScope,
    HoldTerms,
    hold_for_edit,
    hold_scopes,
    is_in_force,
    longest_hold,
    overwritten_edit,
)
from connector.core.corrections.limits import Limits, RecentCount, limit_excess
from connector.core.history.writers import writer_text
from connector.core.model import ObjectType, Record, Ref, Version

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TERMS = HoldTerms(days=30, imports=False, zone=ZoneInfo("Europe/Oslo"))


def version(value: str, minutes: int, source: str = "INTEGRATION") -> Version:
    return Version(value=value, at=NOON + timedelta(minutes=minutes), source_type=source)


def hold(until: datetime | None, origin: HoldOrigin = HoldOrigin.OPERATOR) -> Hold:
    return Hold(
        scope=HoldScope.RECORD,
        target="contacts/1",
        property_name="",
        reason="pilot",
        by="operator",
        since=NOON,
        until=until,
        origin=origin,
    )


def test_newer_evidence_ends_holds_on_edits_and_on_what_was_undone() -> None:
    next_day = NOON + timedelta(days=1)
    origins_in_force = [
        origin
        for origin in HoldOrigin
        if is_in_force(hold(None, origin), now=next_day, evidence_at=next_day)
    ]
    assert origins_in_force == [HoldOrigin.OPERATOR, HoldOrigin.PROGRAM]
    assert all(
        is_in_force(hold(None, origin), now=next_day, evidence_at=NOON) for origin in HoldOrigin
    )


def test_a_hold_that_has_run_out_holds_no_more() -> None:
    assert not is_in_force(hold(NOON), now=NOON, evidence_at=None)
    assert is_in_force(hold(NOON), now=NOON - timedelta(seconds=1), evidence_at=None)


def test_a_hold_without_an_end_lasts_longest() -> None:
    timed, endless = hold(NOON), hold(None)
    assert longest_hold([endless, timed]) == longest_hold([timed, endless]) == endless
    assert longest_hold([]) is None


def test_a_record_is_named_by_its_company_its_domains_its_owner_and_its_values() -> None:
    contact = Record(
        ref=Ref(ObjectType.CONTACTS, "1"),
        properties={
            "email": "a@mail.fjord.example",
            "associatedcompanyid": "7",
            "hubspot_owner_id": "42",
        },
        modified_at=NOON,
        created_at=NOON,
    )
    assert set(hold_scopes(contact)) == {
        (HoldScope.RECORD, "contacts/1"),
        (HoldScope.COMPANY, "companies/7"),
        (HoldScope.DOMAIN, "mail.fjord.example"),
        (HoldScope.DOMAIN, "fjord.example"),
        (HoldScope.OWNER, "42"),
        (HoldScope.VALUE, "email=a@mail.fjord.example"),
        (HoldScope.VALUE, "associatedcompanyid=7"),
        (HoldScope.VALUE, "hubspot_owner_id=42"),
    }


OUR_VERSION = version("customer", 9)
PERSONS_VERSION = version("subscriber", 8, "CRM_UI")
READ_VERSION = version("lead", 1, "CRM_UI")


@pytest.mark.parametrize(
    ("history", "read_version", "expected"),
    [
        ((OUR_VERSION, PERSONS_VERSION, READ_VERSION), READ_VERSION, PERSONS_VERSION),
        (
            (OUR_VERSION, version("", 8), PERSONS_VERSION, READ_VERSION),
            READ_VERSION,
            PERSONS_VERSION,
        ),
        ((OUR_VERSION, READ_VERSION), READ_VERSION, None),
        ((OUR_VERSION, version("subscriber", 8, "WORKFLOWS"), READ_VERSION), READ_VERSION, None),
        ((PERSONS_VERSION, OUR_VERSION, READ_VERSION), READ_VERSION, None),
        ((OUR_VERSION, version("customer", 8, "CRM_UI"), READ_VERSION), READ_VERSION, None),
        ((OUR_VERSION, PERSONS_VERSION), None, PERSONS_VERSION),
        (
            (OUR_VERSION, version("other", 1, "CRM_UI"), READ_VERSION),
            READ_VERSION,
            version("other", 1, "CRM_UI"),
        ),
        ((), None, None),
        # A workflow wrote after us: the person's older value must not replace the newer one.
        ((version("other", 10, "WORKFLOWS"), OUR_VERSION, PERSONS_VERSION), READ_VERSION, None),
        # A workflow, not we, replaced the person's value.
        (
            (OUR_VERSION, version("other", 8, "WORKFLOWS"), version("subscriber", 7, "CRM_UI")),
            READ_VERSION,
            None,
        ),
        # A blank is never put back over a value.
        ((OUR_VERSION, version("", 8, "CRM_UI"), READ_VERSION), READ_VERSION, None),
        # We died while the edit was put back.
        (
            (version("subscriber", 10), version("", 9), OUR_VERSION, PERSONS_VERSION),
            READ_VERSION,
            PERSONS_VERSION,
        ),
    ],
)
def test_only_a_person_s_edit_between_reading_and_write_is_overwritten(
    history: tuple[Version, ...], read_version: Version | None, expected: Version | None
) -> None:
    read_state = (read_version.at, read_version.value) if read_version else None
    assert overwritten_edit(history, read_state, "customer", TERMS) == expected


@pytest.mark.parametrize(
    ("source", "name"),
    [("CRM_UI", "a person"), ("NEW_THING", "new thing"), ("", "somebody unknown")],
)
def test_a_writer_is_named_by_its_source(source: str, name: str) -> None:
    assert writer_text(version("lead", 0, source)) == name


@pytest.mark.parametrize(
    ("planned", "backward", "sent", "exceeded"),
    [
        (100, 100, 0, False),
        (101, 0, 0, False),
        (200, 0, 0, False),
        (201, 0, 0, True),
        (150, 101, 0, True),
        (1, 0, 200, True),
        (0, 0, 500, False),
    ],
)
@pytest.mark.parametrize("hours", [24, 1])
def test_limits_by_number_share_and_direction(
    hours: int, planned: int, backward: int, sent: int, exceeded: bool
) -> None:
    limits = Limits(
        always=100,
        day_share=0.2,
        day_backward_share=0.05,
        canary=25,
        hour_share=0.2,
        hour_backward_share=0.05,
    )
    recent_count = RecentCount(
        hours=hours,
        object_type=ObjectType.CONTACTS,
        planned=planned,
        planned_backward=backward,
        sent=sent,
        sent_backward=0,
        mirrored=1000,
    )
    assert (limit_excess(limits, recent_count) is not None) is exceeded


def test_the_reason_of_a_hold_says_its_time_in_the_portal_s_zone() -> None:
    edit = Version(value="lead", at=NOON, source_type="CRM_UI", source_id="userId:7")
    hold = hold_for_edit("lifecyclestage", "contacts/1", edit, TERMS)
    assert hold.reason.endswith("set lead on 2026-03-01 13:00 Europe/Oslo")
