"""The owner gets one hand-over notice, for a correction that was really applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.alerts.handover import Handover, addresses_by_owner, is_handover
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


def sent_messages(*lines: AuditLine, owner: str = "7") -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    channels = {
        "7": lambda title, _: messages.append(("7", title)),
        "*": lambda title, _: messages.append(("*", title)),
    }
    Handover(channels).notify_owners("1", lines, {line.record: owner for line in lines})
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
    assert is_handover(AUDIT_LINE, frozenset({SQL}))
    assert not is_handover(line, frozenset({SQL}))


def test_many_hand_overs_to_one_channel_are_one_notice() -> None:
    lines = [replace(AUDIT_LINE, record=Ref.parse(f"contacts/{number}")) for number in range(11)]
    assert sent_messages(*lines) == [("7", "11 contacts are ready for sales")]
    assert len(sent_messages(*lines[:10])) == 10
    messages: list[tuple[str, str]] = []
    handover = Handover({"*": lambda title, text: messages.append((title, text))})
    # Each has an owner of its own, and all of these are told in one place.
    handover.notify_owners("1", lines, {line.record: line.record.id for line in lines})
    ((title, text),) = messages
    assert (title, text.count("/record/")) == ("11 contacts are ready for sales", 5)


def test_without_channels_nobody_is_told() -> None:
    Handover({}).notify_owners("1", [AUDIT_LINE], {AUDIT_LINE.record: "7"})
    assert addresses_by_owner("") == {}


@pytest.mark.parametrize("text", ["slack://a", "anna=slack://a", "7=json://a b"])
def test_a_part_that_is_no_owner_with_an_address_is_named(text: str) -> None:
    with pytest.raises(UserError, match="OWNER=address"):
        addresses_by_owner(text)
