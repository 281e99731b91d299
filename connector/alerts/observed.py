"""Take the changes that others made out of the database, and say what each of them means."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.alerts.event_document import observed_event
from connector.alerts.event_queue import queue_events
from connector.core.binding.bind import BoundPolicy
from connector.core.follow_up.news import News, NewsKind, news_of
from connector.core.follow_up.overlooked import follow_up_terms
from connector.core.history.observed_change import ObservedChange
from connector.core.model import DEAL_STAGE, Portal, Record, Ref
from state import associations, checkpoints, mirror, observed_changes
from state.db.store import Store
from state.db.transaction import Transaction

_CHECKPOINT: Final = "observed"
_PAGE: Final = 500
_LINK_DELAY: Final = timedelta(hours=1)
"""How long a new deal without any link may still get its first one."""
_MOMENT: Final = timedelta(milliseconds=1)
"""The database stores times in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsSource:
    """Where changes are taken from, and what says what they mean."""

    store: Store
    portal: Portal
    policy: BoundPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedNews:
    """What happened, and the id of the owner of its record or of a linked one, "" for none."""

    news: News
    owner: str


def take_news(source: NewsSource, now: datetime, *, with_events: bool) -> list[OwnedNews]:
    """Take all changes, and return what they mean for people; each is returned once.

    `with_events` queues an event for each of them in the same transaction, in order with those of
    what was applied. A new deal without any link yet stays, and is taken by a later call. The
    first time, what the first reading of a portal left is passed over.
    """
    all_news: list[OwnedNews] = []
    place, has_more = 0, True
    if with_events:
        _queue_what_was_applied_before(source, now)
    while has_more:
        with source.store.begin(source.portal.account.portal_id) as session:
            page = observed_changes.read_after(session, place, limit=_PAGE)
            has_more = len(page) == _PAGE
            news, taken_places = _news_of_page(source, session, page, now)
            observed_changes.remove(session, taken_places)
            if with_events:
                # What was applied after the last page of changes is queued with it.
                until = page[-1][1].at if has_more else None
                has_more |= _queue(source, session, news, until=until, now=now)
        place = page[-1][0] if page else place
        all_news += (entry for entry in news if entry.news.kind is not NewsKind.PROPERTY)
    return all_news


def _queue_what_was_applied_before(source: NewsSource, now: datetime) -> None:
    """Queue what was applied before the first change of others, in as many parts as it takes."""
    has_more = True
    while has_more:
        with source.store.begin(source.portal.account.portal_id) as session:
            first_changes = observed_changes.read_after(session, 0, limit=1)
            until = first_changes[0][1].at - _MOMENT if first_changes else None
            has_more = _queue(source, session, (), until=until, now=now)


def _queue(
    source: NewsSource,
    session: Transaction,
    news: Sequence[OwnedNews],
    *,
    until: datetime | None,
    now: datetime,
) -> bool:
    portal_id = source.portal.account.portal_id
    events = [
        (
            entry.news.change.at,
            observed_event(portal_id, _event_id(source, entry.news), entry.news),
        )
        for entry in news
    ]
    return queue_events(session, portal_id, events, until=until, at=now)


def _news_of_page(
    source: NewsSource,
    session: Transaction,
    page: Sequence[tuple[int, ObservedChange]],
    now: datetime,
) -> tuple[list[OwnedNews], list[int]]:
    """Return what a page of changes means, and the places of those that need not stay."""
    if checkpoints.get(session, _CHECKPOINT) is None:
        if len(page) < _PAGE:
            checkpoints.put(session, _CHECKPOINT, now.isoformat())
        return [], [place for place, _ in page]
    sales_stages = follow_up_terms(source.policy, source.portal).sales_stages
    changes = [change for _, change in page]
    deals = [change.record for change in changes if change.property_name == DEAL_STAGE]
    links = associations.read_of_deals(session, deals)
    linked = {link.target for deal_links in links.values() for link in deal_links}
    records = mirror.get(session, {*linked, *(change.record for change in changes)})
    all_news: list[OwnedNews] = []
    taken_places: list[int] = []
    for place, change in page:
        is_new_deal = change.property_name == DEAL_STAGE and not change.before
        linked_records = [
            records[link.target] for link in links.get(change.record, ()) if link.target in records
        ]
        # It is linked in a moment, perhaps.
        if is_new_deal and not linked_records and now - change.at < _LINK_DELAY:
            continue
        taken_places.append(place)
        news_of_change = news_of(
            source.policy,
            change,
            deal=records.get(change.record),
            linked_records=linked_records,
            sales_stages=sales_stages,
        )
        all_news += (
            OwnedNews(news=news, owner=_owner(news.record, records, linked_records))
            for news in news_of_change
        )
    return all_news, taken_places


def _owner(ref: Ref, records: Mapping[Ref, Record], linked_records: Sequence[Record]) -> str:
    candidates = [records[ref]] if ref in records else []
    owners = (
        record.properties.get("hubspot_owner_id") for record in [*candidates, *linked_records]
    )
    return next(filter(None, owners), "")


def _event_id(source: NewsSource, news: News) -> str:
    change = news.change
    content = (str(news.record), str(news.deal), change.property_name, change.before, change.after)
    text = "\n".join([*content, change.at.isoformat()])
    digest = hashlib.sha256(text.encode()).hexdigest()[:24]
    return f"evt_{source.portal.account.portal_id}_{digest}"
