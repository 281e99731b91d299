"""Check webhooks without a request to the outside: the address, and what has arrived from HubSpot.

Which subscriptions an app has cannot be read with a portal's token: what was received shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from connector.core.model import ALWAYS_READ_TYPES, ObjectType
from connector.operations.finding import CheckResult, Finding
from state import mirror, webhook_inbox
from state.db.store import Store
from state.webhook_inbox import Arrivals

ARRIVAL_DAYS: Final = 2
"""Days of received events that are looked at: the least that CONNECTOR_KEEP_EVENT_DAYS keeps."""
_SUBSCRIBED: Final = {
    ObjectType.CONTACTS: "contact",
    ObjectType.COMPANIES: "company",
    ObjectType.DEALS: "deal",
}
PATH: Final = "/webhooks/hubspot"


def check_address(public_url: str, *, has_secret: bool) -> Finding:
    """Judge the address that HubSpot is to call, by its text alone."""
    url = public_url.rstrip("/")
    parts = urlsplit(url)
    if not has_secret:
        message = (
            "off: HUBSPOT_WEBHOOK_SECRET is not set, so the daemon polls, which is all that it "
            "needs"
        )
        return _finding("webhooks", CheckResult.OK, message)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = (
            "HUBSPOT_WEBHOOK_SECRET is set, but CONNECTOR_PUBLIC_URL is not an address, so "
            "`connector run` refuses to start: write it as https://connector.example.com"
        )
        return _finding("webhooks", CheckResult.FAIL, message)
    if _is_private(parts.hostname):
        message = f"{url} is not reachable from outside: HubSpot cannot call it"
        return _finding("webhooks", CheckResult.WARNING, message)
    if parts.scheme == "http":
        message = f"{url} is not https: put TLS in front, and write the address with https"
        return _finding("webhooks", CheckResult.WARNING, message)
    message = f"HubSpot is to call {url}{PATH}; that it does shows in what arrives"
    return _finding("webhooks", CheckResult.OK, message)


def check_arrivals(store: Store, portal_id: str, *, now: datetime) -> Iterator[Finding]:
    """Yield, for each object type, what arrived in the last days.

    A record that was created in that time must have caused an event, if the app has the
    subscription: where none arrived, the subscription is missing, or nothing gets through.
    """
    since = now - timedelta(days=ARRIVAL_DAYS)
    with store.reading(portal_id) as session:
        arrivals = webhook_inbox.arrivals(session, since=since)
        created = mirror.count_created(session, since=since)
    for kind in ALWAYS_READ_TYPES:
        record_events, link_events = arrivals.get((kind, False)), arrivals.get((kind, True))
        message = (
            f"{_text(record_events)} of records, {_text(link_events)} of associations in "
            f"{ARRIVAL_DAYS} days"
        )
        result = CheckResult.OK
        if record_events is None and created[kind]:
            result = CheckResult.WARNING
            message += (
                f", though {created[kind]:,} {kind} were created: in the app, subscribe to "
                f"{_SUBSCRIBED[kind]} creation, deletion, merge, restore, associationChange and "
                "propertyChange, and let the daemon run. Polling finds them meanwhile"
            )
        yield _finding(f"events of {kind}", result, message)


def _text(arrivals: Arrivals | None) -> str:
    if arrivals is None:
        return "no event"
    return f"{arrivals.count:,} (last {arrivals.last_at:%Y-%m-%d %H:%M} UTC)"


def _is_private(host: str) -> bool:
    """Return whether a host is this machine or a private network, by its text alone."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def _finding(name: str, result: CheckResult, message: str) -> Finding:
    return Finding(name=name, result=result, message=message, section="webhooks")
