"""Notify the owner of a contact that became ready for sales, by CONNECTOR_HANDOVER."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connector.core.corrections.audit import AuditLine
from connector.core.model import STAGE, ObjectType, Outcome
from connector.core.record_address import record_address
from connector.errors import UserError

ANYBODY: Final = "*"
Send = Callable[[str, str], None]


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
    """Sends a notice for each applied correction into a stage where sales take over."""

    def __init__(self, channels: Mapping[str, Send]) -> None:
        self._channels = channels

    def notify_owner(
        self, line: AuditLine, *, portal_id: str, owner: str, stages: frozenset[str]
    ) -> None:
        """Send a notice to the owner's channel; it holds id and link, no personal data."""
        send = self._channels.get(owner) or self._channels.get(ANYBODY)
        if send is None or not _is_handover(line, stages):
            return
        send(
            f"{line.record} is ready for sales",
            f"By the rule {line.rule}: {record_address(portal_id, line.record)}",
        )


def _is_handover(line: AuditLine, stages: frozenset[str]) -> bool:
    return (
        line.outcome is Outcome.APPLIED
        and line.record.object_type is ObjectType.CONTACTS
        and line.property_name == STAGE
        and line.after in stages
        and line.before != line.after
    )
