"""The digest of overlooked contacts: once a day, in the portal's morning, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.alerts.digest import Digest
from connector.core.model import Ref
from connector.core.overlooked import Lack, Overlooked
from state.store import Store

OSLO = ZoneInfo("Europe/Oslo")
NIGHT = datetime(2026, 11, 2, 6, 59, tzinfo=UTC)  # 07:59 in Oslo
MORNING = NIGHT + timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as opened:
        yield opened


def waiting(number: int, days: int = 6) -> Overlooked:
    return Overlooked(
        record=Ref.parse(f"contacts/{number}"),
        stage="salesqualifiedlead",
        since=MORNING - days * DAY,
        exact=True,
        status="",
        owner="",
        lacks=(Lack.STATUS, Lack.OWNER),
    )


def sent_at(store: Store, *moments: datetime, found: list[Overlooked]) -> list[tuple[str, str]]:
    sent: list[tuple[str, str]] = []
    for now in moments:
        # Made anew each time, as by a restart.
        digest = Digest(store, lambda title, text: sent.append((title, text)))
        digest.tell("4711", OSLO, now, lambda: found)
    return sent


def test_it_is_told_once_a_day_in_the_portals_morning(store: Store) -> None:
    moments = [NIGHT, MORNING, MORNING + timedelta(hours=15), NIGHT + DAY, MORNING + DAY]
    assert sent_at(store, *moments[:1], found=[waiting(1)]) == []
    assert len(sent_at(store, *moments[1:4], found=[waiting(1)])) == 1
    assert len(sent_at(store, *moments[4:], found=[waiting(1)])) == 1


def test_it_names_who_waits_longest_and_says_what_to_do(store: Store) -> None:
    found = [waiting(number, days=6 + number) for number in range(1, 8)]
    ((title, text),) = sent_at(store, MORNING, found=found)
    assert title == "HubSpot lifecycle connector, portal 4711: 7 contacts are overlooked"
    assert "contacts/7: nobody has worked on the lead status; nobody owns it (13 days)" in text
    assert ("contacts/3" in text, "contacts/2" in text) == (True, False)
    assert "… and 2 more." in text
    assert "`connector report overlooked`" in text


def test_a_single_one_is_told_as_one(store: Store) -> None:
    ((title, text),) = sent_at(store, MORNING, found=[waiting(1)])
    assert title.endswith("1 contact is overlooked")
    assert "more." not in text


def test_where_nobody_is_overlooked_nothing_is_sent(store: Store) -> None:
    assert sent_at(store, MORNING, found=[]) == []


def test_nobody_is_looked_for_when_it_is_not_time(store: Store) -> None:
    def find() -> list[Overlooked]:
        raise AssertionError

    sent_at(store, MORNING, found=[])
    digest = Digest(store, lambda _title, _text: None)
    digest.tell("4711", OSLO, MORNING + timedelta(hours=1), find)
    digest.tell("4711", OSLO, NIGHT + DAY, find)
