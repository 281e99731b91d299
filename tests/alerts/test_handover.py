"""What the hand-over notice promises: the owner is told once, of what was really applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.alerts.handover import Handover, addresses
from connector.core.audit import AuditLine
from connector.core.model import Outcome, Ref
from connector.errors import UserError

SQL = "salesqualifiedlead"
LINE = AuditLine(
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


def told(line: AuditLine, owner: str = "7") -> list[tuple[str, str]]:
    sent: list[tuple[str, str]] = []
    channels = {
        "7": lambda title, _: sent.append(("7", title)),
        "*": lambda title, _: sent.append(("*", title)),
    }
    Handover(channels).tell(line, portal_id="1", owner=owner, stages=frozenset({SQL}))
    return sent


def test_the_owner_is_told_and_everybody_elses_channel_otherwise() -> None:
    assert told(LINE) == [("7", "contacts/123 is ready for sales")]
    assert told(LINE, owner="8") == [("*", "contacts/123 is ready for sales")]
    assert told(LINE, owner="") == [("*", "contacts/123 is ready for sales")]


@pytest.mark.parametrize(
    "line",
    [
        replace(LINE, outcome=Outcome.IGNORED),
        replace(LINE, record=Ref.parse("companies/1")),
        replace(LINE, property_name="hs_lead_status", after="NEW"),
        replace(LINE, after="opportunity"),
        replace(LINE, before=SQL),
    ],
)
def test_nothing_else_is_told(line: AuditLine) -> None:
    assert told(line) == []


def test_without_channels_nobody_is_told() -> None:
    Handover({}).tell(LINE, portal_id="1", owner="7", stages=frozenset({SQL}))
    assert addresses("") == {}


@pytest.mark.parametrize("text", ["slack://a", "anna=slack://a", "7=json://a b"])
def test_a_part_that_is_no_owner_with_an_address_is_named(text: str) -> None:
    with pytest.raises(UserError, match="OWNER=address"):
        addresses(text)
