"""Notify owners of contacts that became ready for sales, deals won and customers' new deals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from connector.alerts.observed import OwnedNews
from connector.core.corrections.audit import AuditLine
from connector.core.follow_up.news import News, NewsKind
from connector.core.model import STAGE, ObjectType, Outcome
from connector.core.record_address import record_address
from connector.errors import UserError

ANYBODY: Final = "*"
Send = Callable[[str, str], None]
SendKind = Callable[[str, str, str], None]
"""Takes title, text and the kind of notice."""
_MAX_NOTICES: Final = 10  # to one owner of one kind, after one cycle
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

    def notify_owner(
        self, line: AuditLine, *, portal_id: str, owner: str, stages: frozenset[str]
    ) -> None:
        """Send a notice for an applied correction into a stage where sales take over."""
        if _is_handover(line, stages):
            text = f"By the rule {line.rule}: {record_address(portal_id, line.record)}"
            self._send(owner, NewsKind.READY, f"{line.record} is ready for sales", text)

    def notify_news(self, portal_id: str, all_news: Iterable[OwnedNews]) -> None:
        """Send a notice for each change that others made; many of a kind are one notice."""
        by_owner: dict[tuple[str, NewsKind], list[News]] = {}
        for entry in all_news:
            by_owner.setdefault((entry.owner, entry.news.kind), []).append(entry.news)
        for (owner, kind), news in by_owner.items():
            if len(news) > _MAX_NOTICES:
                self._send(owner, kind, *_summary(portal_id, kind, news))
                continue
            for happening in news:
                self._send(owner, kind, *_title_and_text(portal_id, happening))

    def _send(self, owner: str, kind: NewsKind, title: str, text: str) -> None:
        self._send_to_named(title, text, _NOTICE_KINDS[kind])
        send = self._channels.get(owner) or self._channels.get(ANYBODY)
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


def _summary(portal_id: str, kind: NewsKind, news: Sequence[News]) -> tuple[str, str]:
    """Return one notice for many changes of a kind, with the first of them."""
    title = f"{len(news):,} {_SUMMARIES[kind]}"
    first = "\n".join(
        record_address(portal_id, happening.deal or happening.record)
        for happening in news[:_MAX_NAMED]
    )
    return title, f"A person or another program did it. The first of them:\n{first}"


def _is_handover(line: AuditLine, stages: frozenset[str]) -> bool:
    return (
        line.outcome is Outcome.APPLIED
        and line.record.object_type is ObjectType.CONTACTS
        and line.property_name == STAGE
        and line.after in stages
        and line.before != line.after
    )
