"""Send each alert once, and its end; sent alerts are remembered across restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.alerts.alert import Alert, severity_of
from state import checkpoints
from state.db.store import Store

_CHECKPOINT: Final = "alerts"
_log = structlog.get_logger()


class Notifier:
    """Compares the alerts that hold with those already sent.

    `send` takes title, text, the kinds of message (an alert's key and severity), and its type, and
    returns whether the message was queued: one that was not is sent by the next call.

    An alert that ended and came back is sent again only after `pause`, so that one which comes
    and goes does not fill a channel.
    """

    def __init__(self, store: Store, send: Callable[..., bool], *, pause: timedelta) -> None:
        self._store = store
        self._send = send
        self._pause = pause

    def notify(self, portal_id: str, current_alerts: Iterable[Alert], now: datetime) -> None:
        """Send the alerts that are new, and a message for each that ended."""
        alerts_by_key = {alert.key: alert for alert in current_alerts}
        with self._store.reading(portal_id) as session:
            remembered: dict[str, Any] = checkpoints.get(session, _CHECKPOINT) or {}
        to_remember = self._notify_changes(portal_id, alerts_by_key, remembered, now)
        if to_remember != remembered:
            with self._store.begin(portal_id) as session:
                checkpoints.put(session, _CHECKPOINT, to_remember)

    def _notify_changes(
        self,
        portal_id: str,
        alerts_by_key: dict[str, Alert],
        remembered: dict[str, Any],
        now: datetime,
    ) -> dict[str, Any]:
        to_remember = {
            key: entry for key, entry in remembered.items() if self._is_recent(entry, now)
        }
        for key, alert in alerts_by_key.items():
            previous = remembered.get(key)
            if previous is None or not (previous["on"] or self._is_recent(previous, now)):
                if not self._send_alert(portal_id, alert):
                    continue
                previous = {"at": now.isoformat(), "title": alert.title}
            to_remember[key] = {**previous, "on": True}
        for key, entry in remembered.items():
            if entry["on"] and key not in alerts_by_key:
                title = f"Recovered (portal {portal_id}): {entry['title']}"
                kinds = (key, severity_of(key))
                is_queued = self._send(title, "It is over.", *kinds, message_type="success")
                to_remember[key] = {**entry, "on": not is_queued}
        return to_remember

    def _send_alert(self, portal_id: str, alert: Alert) -> bool:
        title = f"HubSpot lifecycle connector, portal {portal_id}: {alert.title}"
        kinds = (alert.key, severity_of(alert.key))
        is_queued = self._send(title, alert.text, *kinds, message_type=alert.message_type)
        if is_queued:
            _log.warning("alert.raised", portal=portal_id, alert=alert.key, title=alert.title)
        return is_queued

    def _is_recent(self, entry: dict[str, Any], now: datetime) -> bool:
        return now - datetime.fromisoformat(entry["at"]) < self._pause
