"""Send messages by Apprise, from a thread of its own, so that a slow channel delays nothing."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

import structlog

from connector.alerts.alert import DIGEST, KINDS, NOTICES, SEVERITIES, MessageType
from connector.core.problem import did_you_mean
from connector.errors import UserError
from connector.telemetry import logs

if TYPE_CHECKING:
    from apprise import Apprise

_Message = tuple[str, str, tuple[str, ...], MessageType]
_MAX_WAITING: Final = 100
_SHUTDOWN_SECONDS: Final = 2.0
_EVERY_KIND: Final = "every-kind"
_KNOWN_KINDS: Final = (*SEVERITIES, DIGEST, *NOTICES, *KINDS)
_ENTRY: Final = re.compile(r"(?:([a-z-]+)=)?([a-z0-9]+://.*)", re.IGNORECASE)
_log = structlog.get_logger()


class _WaitingMessages:
    """The messages that wait: alerts go before notices, and neither takes the other's room."""

    def __init__(self) -> None:
        self._alerts: deque[_Message] = deque()
        self._notices: deque[_Message] = deque()
        self._changed = Condition()
        self._is_closed = False

    def put(self, message: _Message, *, is_alert: bool) -> bool:
        """Add a message; return whether there was room."""
        messages = self._alerts if is_alert else self._notices
        with self._changed:
            if len(messages) >= _MAX_WAITING:
                return False
            messages.append(message)
            self._changed.notify()
        return True

    def get(self) -> _Message | None:
        """Wait for the next message; None once all were taken after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._alerts or self._notices or self._is_closed)
            messages = self._alerts or self._notices
            return messages.popleft() if messages else None

    def close(self) -> None:
        """Let `get` end when no message waits any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()


class Channels:
    """The channels of CONNECTOR_ALERTS (Slack, mail, Teams …), each by its Apprise address.

    An address `KIND=address` gets only messages of that kind, one without a kind gets all.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._waiting = _WaitingMessages()
        self._apprise = _new_apprise(addresses) if addresses else None
        self._thread = Thread(target=self._send_waiting, name="alerts", daemon=True)
        self._thread.start()

    def send(self, title: str, text: str, *kinds: str, message_type: MessageType = "info") -> bool:
        """Queue a message of these kinds and this type; return False where too many wait.

        A message that no address wants is not queued, and counts as sent.
        """
        return self._put(title, text, (_EVERY_KIND, *kinds), message_type, is_alert=True)

    def send_to_named(self, title: str, text: str, kind: str) -> bool:
        """Queue a notice for the addresses that name this kind, and for no other one."""
        return self._put(title, text, (kind,), "info", is_alert=False)

    def _put(
        self,
        title: str,
        text: str,
        tags: tuple[str, ...],
        message_type: MessageType,
        *,
        is_alert: bool,
    ) -> bool:
        if not self._has_address(tags):
            return True
        message = (logs.masked_text(title), logs.masked_text(text), tags, message_type)
        is_queued = self._waiting.put(message, is_alert=is_alert)
        if not is_queued:
            _log.warning("alert.dropped", message="too many messages wait to be sent")
        return is_queued

    def _has_address(self, tags: tuple[str, ...]) -> bool:
        return self._apprise is not None and any(True for _ in self._apprise.find(tag=list(tags)))

    def close(self) -> None:
        """Send the messages that wait, for at most two seconds."""
        self._waiting.close()
        self._thread.join(_SHUTDOWN_SECONDS)

    def _send_waiting(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                self._send_message(*message)
            except Exception:
                # A channel of Apprise may fail in any way: the next message is sent all the same.
                _log.exception("alert.broken")

    def _send_message(
        self, title: str, text: str, tags: tuple[str, ...], message_type: MessageType
    ) -> None:
        if self._apprise and not self._apprise.notify(
            title=title, body=text, tag=list(tags), notify_type=message_type
        ):
            _log.warning("alert.not_sent", message="a channel of CONNECTOR_ALERTS refused it")


def _new_apprise(addresses: Sequence[str]) -> Apprise:
    """Return Apprise with these addresses; an error never shows one, since it may hold a token."""
    import logging

    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    sender = apprise.Apprise()
    for number, entry in enumerate(addresses, 1):
        kind, address = _kind_and_address(entry, number)
        if not sender.add(address, tag=kind):
            raise UserError(
                f"The address number {number} of CONNECTOR_ALERTS is none that Apprise knows: see "
                "https://appriseit.com/services/ (addresses are separated by spaces)."
            )
    return sender


def _kind_and_address(entry: str, number: int) -> tuple[str, str]:
    """Return which kind of messages an address wants, and the address itself."""
    match = _ENTRY.fullmatch(entry)
    if match is None or match[1] is None:
        return _EVERY_KIND, entry
    kind = match[1]
    if kind not in _KNOWN_KINDS and not kind.startswith("step-"):
        hint = did_you_mean(kind, _KNOWN_KINDS) or f"; there are {', '.join(_KNOWN_KINDS)}"
        raise UserError(
            f"The address number {number} of CONNECTOR_ALERTS is for {kind!r}, which is no kind of "
            f"message{hint}."
        )
    return kind, match[2]
