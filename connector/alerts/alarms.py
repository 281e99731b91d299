"""Tell of each alert once, and of its end; what was told is remembered across restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connector.alerts.alert import Alert
from state import checkpoints
from state.store import Store

_NAME: Final = "alerts"
_log = structlog.get_logger()


class Alarms:
    """Compares what is wrong with what was told; `send` takes a title and a text.

    The same alert is told again only after `pause`, so that something which comes and goes
    does not fill a channel.
    """

    def __init__(self, store: Store, send: Callable[[str, str], None], *, pause: timedelta) -> None:
        self._store = store
        self._send = send
        self._pause = pause

    def tell(self, portal_id: str, found: Iterable[Alert], now: datetime) -> None:
        """Send what is new, and what has ended."""
        alerts = {one.key: one for one in found}
        with self._store.reading() as session:
            told: dict[str, Any] = checkpoints.get(session, portal_id, _NAME) or {}
        following = self._following(portal_id, alerts, told, now)
        if following != told:
            with self._store.begin() as session:
                checkpoints.put(session, portal_id, _NAME, following)

    def _following(
        self, portal_id: str, alerts: dict[str, Alert], told: dict[str, Any], now: datetime
    ) -> dict[str, Any]:
        following = {key: one for key, one in told.items() if self._is_recent(one, now)}
        for key, alert in alerts.items():
            before = told.get(key)
            if before is None or not (before["on"] or self._is_recent(before, now)):
                self._tell(portal_id, alert)
                before = {"at": now.isoformat(), "title": alert.title}
            following[key] = {**before, "on": True}
        for key, one in told.items():
            if one["on"] and key not in alerts:
                self._send(f"Recovered (portal {portal_id}): {one['title']}", "It is over.")
                following[key] = {**one, "on": False}
        return following

    def _tell(self, portal_id: str, alert: Alert) -> None:
        _log.warning("alert.raised", portal=portal_id, alert=alert.key, title=alert.title)
        self._send(f"HubSpot lifecycle connector, portal {portal_id}: {alert.title}", alert.text)

    def _is_recent(self, one: dict[str, Any], now: datetime) -> bool:
        return now - datetime.fromisoformat(one["at"]) < self._pause
