"""Notify owners of contacts that became ready for sales, deals won and customers' new deals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from connector.alerts.observed import OwnedNews
from connector.core.corrections.audit import AuditLine
from connector.core.follow_up.news import News, NewsKind
from connector.core.model import STAGE, ObjectType, Outcome, Ref
from connector.core.record_address import record_address
from connector.errors import UserError

ANYBODY: Final = "*"
Send = Callable[[str, str], object]
SendKind = Callable[[str, str, str], object]
"""Takes title, text and the kind of notice."""
_MAX_NOTICES: Final = 10  # to one channel of one kind, after one cycle
_MAX_NAMED: Final = 5
_NOTICE_KINDS: Final = {
    NewsKind.READY: "ready-for-sales",
    NewsKind.DEAL_WON: "deal-won",
    NewsKind.CUSTOMER_DEAL: "customer-deal",
}
_SUMMARIES: Final = {
    NewsKind.READY: "contacts are ready for sales",
    NewsKind.DEAL_WON: "deals were won",
    NewsKind.CUSTOMER_DEAL: "customers have a new deal",
}


def addresses_by_owner(text: str) -> dict[str, tuple[str, ...]]:
    """Read `OWNER=address`, separated by spaces; the owner `*` stands for every other one.

    >>> addresses_by_owner("76000001=slack://a *=json://b 76000001=json://c")
    {'76000001': ('slack://a', 'json://c'), '*': ('json://b',)}
    """
    by_owner: dict[str, tuple[str, ...]] = {}
    for number, part in enumerate(text.split(), 1):
        owner, separator, address = part.partition("=")
        if not separator or not (owner == ANYBODY or owner.isdigit()):
            raise UserError(
                f"The part number {number} of CONNECTOR_HANDOVER is not OWNER=address: write the "
                "owner's id, or * for everybody."
            )
        by_owner[owner] = (*by_owner.get(owner, ()), address)
    return by_owner


class Handover:
    """Sends notices of what happened to a record, to its owner's channel.

    `send_to_named` sends them to the addresses of CONNECTOR_ALERTS that name their kind as well.
    A notice holds ids and links, no personal data.
    """

    def __init__(
        self, channels: Mapping[str, Send], send_to_named: SendKind = lambda _title, _text, _: None
    ) -> None:
        self._channels = channels
        self._send_to_named = send_to_named

    def notify_owners(
        self, portal_id: str, lines: Iterable[AuditLine], owners: Mapping[Ref, str]
    ) -> None:
        """Send a notice for each hand-over (`is_handover`); many of one channel are one notice.

        `owners` are the owners' ids by record, "" for none.
        """
        by_channel: dict[str, list[AuditLine]] = {}
        for line in lines:
            channel = self._channel_of(owners.get(line.record, ""))
            by_channel.setdefault(channel, []).append(line)
        for channel, own_lines in by_channel.items():
            if len(own_lines) > _MAX_NOTICES:
                refs = [line.record for line in own_lines]
                title, first = _summary(portal_id, NewsKind.READY, refs)
                self._send(channel, NewsKind.READY, title, f"The first of them:\n{first}")
                continue
            for line in own_lines:
                text = f"By the rule {line.rule}: {record_address(portal_id, line.record)}"
                self._send(channel, NewsKind.READY, f"{line.record} is ready for sales", text)

    def notify_news(self, portal_id: str, all_news: Iterable[OwnedNews]) -> None:
        """Send a notice for each change that others made; many of a kind are one notice."""
        by_channel: dict[tuple[str, NewsKind], list[News]] = {}
        for entry in all_news:
            key = (self._channel_of(entry.owner), entry.news.kind)
            by_channel.setdefault(key, []).append(entry.news)
        for (channel, kind), news in by_channel.items():
            if len(news) > _MAX_NOTICES:
                refs = [happening.deal or happening.record for happening in news]
                title, first = _summary(portal_id, kind, refs)
                text = f"A person or another program did it. The first of them:\n{first}"
                self._send(channel, kind, title, text)
                continue
            for happening in news:
                self._send(channel, kind, *_title_and_text(portal_id, happening))

    def _channel_of(self, owner: str) -> str:
        return owner if owner in self._channels else ANYBODY

    def _send(self, channel: str, kind: NewsKind, title: str, text: str) -> None:
        self._send_to_named(title, text, _NOTICE_KINDS[kind])
        send = self._channels.get(channel)
        if send is not None:
            send(title, text)


def _title_and_text(portal_id: str, news: News) -> tuple[str, str]:
    address = record_address(portal_id, news.deal or news.record)
    match news.kind:
        case NewsKind.DEAL_WON:
            return f"{news.record} was won", f"Onboarding can begin: {address}"
        case NewsKind.CUSTOMER_DEAL:
            title = f"{news.record}, a customer, has a new deal: {news.deal}"
            return title, f"A person or another program made it: {address}"
        case _:
            text = f"A person or another program moved it there: {address}"
            return f"{news.record} is ready for sales", text


def _summary(portal_id: str, kind: NewsKind, refs: Sequence[Ref]) -> tuple[str, str]:
    """Return the title of one notice for many of a kind, and the addresses of the first of them."""
    addresses = (record_address(portal_id, ref) for ref in refs[:_MAX_NAMED])
    return f"{len(refs):,} {_SUMMARIES[kind]}", "\n".join(addresses)


def is_handover(line: AuditLine, stages: frozenset[str]) -> bool:
    """Return whether a contact was moved into a stage where sales take over."""
    return (
        line.outcome is Outcome.APPLIED
        and line.record.object_type is ObjectType.CONTACTS
        and line.property_name == STAGE
        and line.after in stages
        and line.before != line.after
    )
