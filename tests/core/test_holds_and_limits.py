"""What a hold names, when it ends, and who is called what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.core.holds import Hold, HoldTerms, Origin, Scope, buried, in_force, longest, names_of
from connector.core.limits import Limits, Load, excess
from connector.core.model import ObjectType, Record, Ref, Version
from connector.core.writers import named

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TERMS = HoldTerms(days=30, imports=False)


def version(value: str, minutes: int, source: str = "INTEGRATION") -> Version:
    return Version(value=value, at=NOON + timedelta(minutes=minutes), source_type=source)


def hold(until: datetime | None, origin: Origin = Origin.OPERATOR) -> Hold:
    return Hold(
        scope=Scope.RECORD,
        of="contacts/1",
        property_name="",
        reason="pilot",
        by="operator",
        since=NOON,
        until=until,
        origin=origin,
    )


def test_newer_evidence_ends_every_hold_but_the_operator_s() -> None:
    later = NOON + timedelta(days=1)
    kept = [one for one in Origin if in_force(hold(None, one), now=later, evidence_at=later)]
    assert kept == [Origin.OPERATOR]
    assert all(in_force(hold(None, one), now=later, evidence_at=NOON) for one in Origin)


def test_a_hold_that_has_run_out_holds_no_more() -> None:
    assert not in_force(hold(NOON), now=NOON, evidence_at=None)
    assert in_force(hold(NOON), now=NOON - timedelta(seconds=1), evidence_at=None)


def test_a_hold_without_an_end_lasts_longest() -> None:
    ends, never = hold(NOON), hold(None)
    assert longest([never, ends]) == longest([ends, never]) == never
    assert longest([]) is None


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
    assert set(names_of(contact)) == {
        (Scope.RECORD, "contacts/1"),
        (Scope.COMPANY, "companies/7"),
        (Scope.DOMAIN, "mail.fjord.example"),
        (Scope.DOMAIN, "fjord.example"),
        (Scope.OWNER, "42"),
        (Scope.VALUE, "email=a@mail.fjord.example"),
        (Scope.VALUE, "associatedcompanyid=7"),
        (Scope.VALUE, "hubspot_owner_id=42"),
    }


OURS = version("customer", 9)
PERSON = version("subscriber", 8, "CRM_UI")
SEEN = version("lead", 1, "CRM_UI")


@pytest.mark.parametrize(
    ("history", "seen", "found"),
    [
        ((OURS, PERSON, SEEN), SEEN, PERSON),
        ((OURS, version("", 8), PERSON, SEEN), SEEN, PERSON),
        ((OURS, SEEN), SEEN, None),
        ((OURS, version("subscriber", 8, "WORKFLOWS"), SEEN), SEEN, None),
        ((PERSON, OURS, SEEN), SEEN, None),
        ((OURS, version("customer", 8, "CRM_UI"), SEEN), SEEN, None),
        ((OURS, PERSON), None, PERSON),
        ((OURS, version("other", 1, "CRM_UI"), SEEN), SEEN, version("other", 1, "CRM_UI")),
        ((), None, None),
    ],
)
def test_only_a_person_s_edit_between_reading_and_write_is_buried(
    history: tuple[Version, ...], seen: Version | None, found: Version | None
) -> None:
    at = (seen.at, seen.value) if seen else None
    assert buried(history, at, "customer", TERMS) == found


@pytest.mark.parametrize(
    ("source", "name"),
    [("CRM_UI", "a person"), ("NEW_THING", "new thing"), ("", "somebody unknown")],
)
def test_a_writer_is_named_by_its_source(source: str, name: str) -> None:
    assert named(version("lead", 0, source)) == name


@pytest.mark.parametrize(
    ("planned", "backward", "sent", "over"),
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
    hours: int, planned: int, backward: int, sent: int, over: bool
) -> None:
    limits = Limits(
        always=100,
        day_share=0.2,
        day_backward_share=0.05,
        canary=25,
        hour_share=0.2,
        hour_backward_share=0.05,
    )
    load = Load(
        hours=hours,
        object_type=ObjectType.CONTACTS,
        planned=planned,
        planned_backward=backward,
        sent=sent,
        sent_backward=0,
        mirrored=1000,
    )
    assert (excess(limits, load) is not None) is over
