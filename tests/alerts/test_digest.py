"""What the digest promises: once a day, who waits for sales and was left alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.alerts.digest import Digest
from connector.core.binding import BoundPolicy, bind
from connector.core.default_portal import default_portal
from connector.core.model import Record, Ref
from connector.core.policy import load
from connector.overlooked import ENTERED
from connector.presets import preset
from state import mirror
from state.store import Store

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def policy() -> BoundPolicy:
    read = load("extends: standard", source="test.yaml", preset=preset)
    return bind(read, default_portal())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as opened:
        yield opened


def put(store: Store, policy: BoundPolicy, number: int, days: float, **more: str) -> None:
    entered = (NOW - days * DAY).isoformat()
    given = {"lifecyclestage": "salesqualifiedlead", "hs_lead_status": "NEW", ENTERED: entered}
    one = Record(
        ref=Ref.parse(f"contacts/{number}"),
        properties=given | more,
        modified_at=NOW,
        created_at=NOW,
    )
    with store.begin() as session:
        mirror.put(session, policy.portal_id, [one], due_at=NOW)


def told(store: Store, policy: BoundPolicy, *, at: datetime = NOW, days: float = 3) -> list[str]:
    sent: list[str] = []
    digest = Digest(store, lambda title, text: sent.append(f"{title}\n{text}"), days=days)
    digest.tell(policy, at)
    return sent


def test_who_waits_too_long_and_was_left_alone_is_named_longest_first(
    store: Store, policy: BoundPolicy
) -> None:
    put(store, policy, 1, 4)
    put(store, policy, 2, 9, hs_lead_status="")
    put(store, policy, 3, 2)
    put(store, policy, 4, 9, hs_lead_status="CONNECTED")
    put(store, policy, 5, 9, lifecyclestage="lead")
    put(store, policy, 6, 9, **{ENTERED: ""})
    (said,) = told(store, policy)
    assert "2 contacts are ready for sales for more than 3 days" in said
    assert "contacts/2, for 9 days; contacts/1, for 4 days." in said


def test_it_is_told_once_a_day(store: Store, policy: BoundPolicy) -> None:
    put(store, policy, 1, 4)
    assert [len(told(store, policy, at=NOW + hour * timedelta(hours=8))) for hour in range(5)] == [
        *(1, 0, 0, 1, 0)
    ]


def test_it_is_off_unless_somebody_wants_it_and_silent_where_nobody_waits(
    store: Store, policy: BoundPolicy
) -> None:
    assert told(store, policy) == []
    put(store, policy, 1, 4)
    assert told(store, policy, days=0) == []


def test_a_long_list_is_cut_and_counted(store: Store, policy: BoundPolicy) -> None:
    for number in range(1, 24):
        put(store, policy, number, 4)
    assert "and 3 more" in told(store, policy)[0]
