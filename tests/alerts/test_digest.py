"""The digest of overlooked contacts: once a day, in the portal's morning, with what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.alerts.digest import Digest
from connector.core.follow_up.overlooked import MissingFollowUp, OverlookedContact
from connector.core.model import Ref
from state.db.store import Store

OSLO = ZoneInfo("Europe/Oslo")
BEFORE_MORNING = datetime(2026, 11, 2, 6, 59, tzinfo=UTC)  # 07:59 in Oslo
MORNING = BEFORE_MORNING + timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as open_store:
        yield open_store


def overlooked_contact(number: int, days: int = 6, owner: str = "") -> OverlookedContact:
    return OverlookedContact(
        record=Ref.parse(f"contacts/{number}"),
        stage="salesqualifiedlead",
        since=MORNING - days * DAY,
        since_is_exact=True,
        status="",
        owner=owner,
        term=5 * DAY,
        missing_follow_up=(MissingFollowUp.STATUS, MissingFollowUp.OWNER),
    )


def send_digests(
    store: Store, *times: datetime, overlooked_contacts: list[OverlookedContact]
) -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    for now in times:
        # Made anew each time, as by a restart.
        digest = Digest(store, lambda title, text, *_: messages.append((title, text)))
        digest.send_if_due("4711", OSLO, now, lambda: overlooked_contacts)
    return messages


def test_it_is_told_once_a_day_in_the_portals_morning(store: Store) -> None:
    times = [
        BEFORE_MORNING,
        MORNING,
        MORNING + timedelta(hours=15),
        BEFORE_MORNING + DAY,
        MORNING + DAY,
    ]
    assert send_digests(store, *times[:1], overlooked_contacts=[overlooked_contact(1)]) == []
    assert len(send_digests(store, *times[1:4], overlooked_contacts=[overlooked_contact(1)])) == 1
    assert len(send_digests(store, *times[4:], overlooked_contacts=[overlooked_contact(1)])) == 1


def test_it_names_who_waits_longest_and_says_what_to_do(store: Store) -> None:
    overlooked_contacts = [overlooked_contact(number, days=6 + number) for number in range(1, 8)]
    ((title, text),) = send_digests(store, MORNING, overlooked_contacts=overlooked_contacts)
    assert title == "HubSpot lifecycle connector, portal 4711: 7 contacts are overlooked"
    assert "contacts/7: nobody has worked on the lead status; nobody owns it (13 days)" in text
    assert ("contacts/3" in text, "contacts/2" in text) == (True, False)
    assert "… and 2 more." in text
    assert "`connector report overlooked`" in text


def test_a_single_one_is_told_as_one(store: Store) -> None:
    ((title, text),) = send_digests(store, MORNING, overlooked_contacts=[overlooked_contact(1)])
    assert title.endswith("1 contact is overlooked")
    assert "more." not in text


def test_where_nobody_is_overlooked_nothing_is_sent(store: Store) -> None:
    assert send_digests(store, MORNING, overlooked_contacts=[]) == []


def test_nobody_is_looked_for_when_it_is_not_time(store: Store) -> None:
    def find_overlooked() -> list[OverlookedContact]:
        raise AssertionError

    send_digests(store, MORNING, overlooked_contacts=[])
    digest = Digest(store, lambda *_: None)
    digest.send_if_due("4711", OSLO, MORNING + timedelta(hours=1), find_overlooked)
    digest.send_if_due("4711", OSLO, BEFORE_MORNING + DAY, find_overlooked)


def test_each_owner_with_a_channel_hears_of_the_own_contacts_alone(store: Store) -> None:
    sent: dict[str, list[tuple[str, str]]] = {"all": [], "7": [], "8": []}

    def send_to(name: str) -> Callable[..., None]:
        return lambda title, text, *_: sent[name].append((title, text))

    digest = Digest(store, send_to("all"), {"7": send_to("7"), "8": send_to("8")})
    overlooked = [overlooked_contact(1, owner="7"), overlooked_contact(2, owner="9")]
    digest.send_if_due("4711", OSLO, MORNING, lambda: overlooked)
    assert len(sent["all"]) == 1
    ((title, text),) = sent["7"]
    assert title.endswith("1 contact is overlooked: you own it")
    assert ("contacts/1" in text, "contacts/2" in text) == (True, False)
    assert "`connector report overlooked --owner 7`" in text
    assert sent["8"] == []
