"""Take the changes that others made out of the database, and say what each of them means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.alerts.event_document import observed_event
from connector.core.binding.bind import BoundPolicy
from connector.core.follow_up.news import News, NewsKind, news_of
from connector.core.follow_up.overlooked import follow_up_terms
from connector.core.history.observed_change import ObservedChange
from connector.core.model import DEAL_STAGE, Portal, Record, Ref
from state import associations, checkpoints, mirror, observed_changes, outgoing_events
from state.db.store import Store
from state.db.transaction import Transaction

_CHECKPOINT: Final = "observed"
_PAGE: Final = 500
_LINK_DELAY: Final = timedelta(hours=1)
"""How long a new deal without any link may still get its first one."""


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

    `with_events` stores an event for each of them in the same transaction. The first time, what
    the first reading of a portal left is passed over.
    """
    all_news: list[OwnedNews] = []
    unlinked: list[ObservedChange] = []
    while True:
        with source.store.begin(source.portal.account.portal_id) as session:
            changes = observed_changes.take(session, limit=_PAGE)
            if checkpoints.get(session, _CHECKPOINT) is None:
                if len(changes) < _PAGE:
                    checkpoints.put(session, _CHECKPOINT, now.isoformat())
                changes_to_tell: Sequence[ObservedChange] = ()
            else:
                changes_to_tell = changes
            news = list(_news_of_changes(source, session, changes_to_tell, now, unlinked))
            if with_events:
                events = [
                    observed_event(
                        source.portal.account.portal_id, _event_id(source, entry.news), entry.news
                    )
                    for entry in news
                ]
                outgoing_events.add(session, events, at=now)
        all_news += (entry for entry in news if entry.news.kind is not NewsKind.PROPERTY)
        if len(changes) < _PAGE:
            break
    if unlinked:
        # They are linked in a moment, perhaps: they are taken again with the next cycle.
        with source.store.begin(source.portal.account.portal_id) as session:
            observed_changes.add(session, unlinked)
    return all_news


def _news_of_changes(
    source: NewsSource,
    session: Transaction,
    changes: Sequence[ObservedChange],
    now: datetime,
    unlinked: list[ObservedChange],
) -> Iterator[OwnedNews]:
    """Yield what changes mean; new deals without any link yet are added to `unlinked`."""
    sales_stages = follow_up_terms(source.policy, source.portal).sales_stages
    deals = [change.record for change in changes if change.property_name == DEAL_STAGE]
    links = associations.read_of_deals(session, deals)
    linked = {link.target for deal_links in links.values() for link in deal_links}
    records = mirror.get(session, {*linked, *(change.record for change in changes)})
    for change in changes:
        is_new_deal = change.property_name == DEAL_STAGE and not change.before
        linked_records = [
            records[link.target] for link in links.get(change.record, ()) if link.target in records
        ]
        if is_new_deal and not linked_records and now - change.at < _LINK_DELAY:
            unlinked.append(change)
            continue
        for news in news_of(
            source.policy,
            change,
            deal=records.get(change.record),
            linked_records=linked_records,
            sales_stages=sales_stages,
        ):
            yield OwnedNews(news=news, owner=_owner(news.record, records, linked_records))


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
