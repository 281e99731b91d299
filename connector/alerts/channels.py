"""Send messages by Apprise, from a thread of its own, so that a slow channel delays nothing."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Full, Queue
from threading import Thread
from typing import TYPE_CHECKING, Final

import structlog

from connector.errors import UserError
from connector.telemetry import logs

if TYPE_CHECKING:
    from apprise import Apprise

_MAX_WAITING: Final = 100
_SHUTDOWN_SECONDS: Final = 2.0
_log = structlog.get_logger()


class Channels:
    """The channels of CONNECTOR_ALERTS (Slack, mail, Teams …), each by its Apprise address."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._queue: Queue[tuple[str, str] | None] = Queue(_MAX_WAITING)
        self._apprise = _new_apprise(addresses) if addresses else None
        self._thread = Thread(target=self._send_waiting, name="alerts", daemon=True)
        self._thread.start()

    def send(self, title: str, text: str) -> None:
        """Queue a message; without any channel, do nothing."""
        if self._apprise is None:
            return
        try:
            self._queue.put_nowait((logs.masked_text(title), logs.masked_text(text)))
        except Full:
            _log.warning("alert.dropped", message="too many alerts wait to be sent")

    def close(self) -> None:
        """Send the messages that wait, for at most two seconds."""
        try:
            self._queue.put_nowait(None)
        except Full:
            return
        self._thread.join(_SHUTDOWN_SECONDS)

    def _send_waiting(self) -> None:
        while (message := self._queue.get()) is not None:
            title, text = message
            if self._apprise is not None and not self._apprise.notify(title=title, body=text):
                _log.warning("alert.not_sent", message="a channel of CONNECTOR_ALERTS refused it")


def _new_apprise(addresses: Sequence[str]) -> Apprise:
    """Return Apprise with these addresses; an error never shows one, since it may hold a token."""
    import logging

    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    sender = apprise.Apprise()
    for number, address in enumerate(addresses, 1):
        if not sender.add(address):
            raise UserError(
                f"The address number {number} of CONNECTOR_ALERTS is none that Apprise knows: see "
                "https://appriseit.com/services/ (addresses are separated by spaces)."
            )
    return sender
