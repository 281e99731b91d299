"""The owner gets one hand-over notice, for a correction that was really applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.alerts.handover import Handover, addresses_by_owner
from connector.core.corrections.audit import AuditLine
from connector.core.model import Outcome, Ref
from connector.errors import UserError

SQL = "salesqualifiedlead"
AUDIT_LINE = AuditLine(
    at=datetime(2026, 11, 2, tzinfo=UTC),
    run="r",
    record=Ref.parse("contacts/123"),
    property_name="lifecyclestage",
    before="lead",
    after=SQL,
    rule="handover",
    policy="standard",
    outcome=Outcome.APPLIED,
)


def sent_messages(line: AuditLine, owner: str = "7") -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    channels = {
        "7": lambda title, _: messages.append(("7", title)),
        "*": lambda title, _: messages.append(("*", title)),
    }
    Handover(channels).notify_owner(line, portal_id="1", owner=owner, stages=frozenset({SQL}))
    return messages


def test_the_owner_is_told_and_everybody_elses_channel_otherwise() -> None:
    assert sent_messages(AUDIT_LINE) == [("7", "contacts/123 is ready for sales")]
    assert sent_messages(AUDIT_LINE, owner="8") == [("*", "contacts/123 is ready for sales")]
    assert sent_messages(AUDIT_LINE, owner="") == [("*", "contacts/123 is ready for sales")]


@pytest.mark.parametrize(
    "line",
    [
        replace(AUDIT_LINE, outcome=Outcome.IGNORED),
        replace(AUDIT_LINE, record=Ref.parse("companies/1")),
        replace(AUDIT_LINE, property_name="hs_lead_status", after="NEW"),
        replace(AUDIT_LINE, after="opportunity"),
        replace(AUDIT_LINE, before=SQL),
    ],
)
def test_nothing_else_is_told(line: AuditLine) -> None:
    assert sent_messages(line) == []


def test_without_channels_nobody_is_told() -> None:
    Handover({}).notify_owner(AUDIT_LINE, portal_id="1", owner="7", stages=frozenset({SQL}))
    assert addresses_by_owner("") == {}


@pytest.mark.parametrize("text", ["slack://a", "anna=slack://a", "7=json://a b"])
def test_a_part_that_is_no_owner_with_an_address_is_named(text: str) -> None:
    with pytest.raises(UserError, match="OWNER=address"):
        addresses_by_owner(text)
