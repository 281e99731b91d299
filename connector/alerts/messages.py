"""Open the channels of all messages, and send after each cycle what is to be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from connector.alerts.alert import Health, alerts
from connector.alerts.channels import Channels
from connector.alerts.digest import Digest
from connector.alerts.event_receiver import event_receiver
from connector.alerts.events import EventDelivery, deliver_waiting
from connector.alerts.handover import Handover, addresses_by_owner
from connector.alerts.notifier import Notifier
from connector.alerts.observed import NewsSource, take_news
from connector.core.follow_up.overlooked import OverlookedContact
from connector.daemon.daemon_settings import DaemonSettings
from connector.daemon.environment import Environment
from connector.daemon.loop import Loop
from connector.errors import ConnectorError
from connector.push.pause import read_pause
from connector.reports.offline import OfflineHubSpot, OfflineInputs, offline_context_for_bound
from connector.reports.overlooked import overlooked_contacts
from state import outbox, outgoing_events, quarantine, unreadable_records
from state.db.store import Store
from state.outgoing_events import EventCounts

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """What sends messages to people and programs, and the channels to be closed at the end."""

    notifier: Notifier
    handover: Handover
    digest: Digest | None
    event_delivery: EventDelivery | None
    channels: Sequence[Channels | EventDelivery]


def open_messages(store: Store, daemon_settings: DaemonSettings) -> Messages:
    """Open the channels of CONNECTOR_ALERTS, CONNECTOR_HANDOVER and CONNECTOR_EVENTS."""
    channels = Channels(daemon_settings.alerts)
    owner_channels = {
        owner: Channels(owner_addresses)
        for owner, owner_addresses in addresses_by_owner(daemon_settings.handover).items()
    }
    send_to_owner = {owner: channel.send for owner, channel in owner_channels.items()}
    has_digest = bool(daemon_settings.alerts or owner_channels)
    event_delivery = _event_delivery(store, daemon_settings)
    opened: list[Channels | EventDelivery] = [channels, *owner_channels.values()]
    return Messages(
        notifier=Notifier(
            store, channels.send, pause=timedelta(seconds=daemon_settings.alert_seconds)
        ),
        handover=Handover(send_to_owner, channels.send_to_named),
        digest=Digest(store, channels.send, send_to_owner) if has_digest else None,
        event_delivery=event_delivery,
        channels=[*opened, event_delivery] if event_delivery else opened,
    )


def _event_delivery(store: Store, daemon_settings: DaemonSettings) -> EventDelivery | None:
    """Return what posts applied corrections to CONNECTOR_EVENTS, None where that names nobody."""
    receiver = event_receiver(daemon_settings.events_url, daemon_settings.events_secret)
    if receiver is None:
        return None
    return EventDelivery(
        lambda portal_id: deliver_waiting(store, portal_id, receiver, lambda: datetime.now(UTC))
    )


def send_after_cycle(loop: Loop, environment: Environment, messages: Messages) -> None:
    """Send alerts, news, digest and events after a cycle; one that fails holds up no other."""
    _attempt(lambda: _send_alerts(loop, environment, messages))
    if loop.schedule.last_poll is not None:
        _attempt(lambda: _send_news(environment, messages))
        if digest := messages.digest:
            _attempt(lambda: _send_digest(loop, environment, digest))
    if messages.event_delivery:
        messages.event_delivery.wake(environment.portal_id)


def _attempt(send: Callable[[], None]) -> None:
    """Send a kind of messages; a failing database is reported by the steps of the cycle."""
    try:
        send()
    except ConnectorError as error:
        _log.warning("alerts.failing", error=type(error).__name__)


def _send_news(environment: Environment, messages: Messages) -> None:
    """Tell of what others changed in HubSpot: notices to owners, and events."""
    source = NewsSource(
        store=environment.store, portal=environment.portal, policy=environment.policy
    )
    news = take_news(source, environment.api.now(), with_events=messages.event_delivery is not None)
    messages.handover.notify_news(environment.portal_id, news)


def _send_digest(loop: Loop, environment: Environment, digest: Digest) -> None:
    """Send the digest of overlooked contacts once a day, from the mirror alone."""
    now = environment.api.now()

    def find_overlooked() -> list[OverlookedContact]:
        offline_inputs = OfflineInputs(
            store=environment.store, portal=environment.portal, api=OfflineHubSpot(now)
        )
        context = offline_context_for_bound(
            offline_inputs, environment.policy, progress=loop.stop.on_progress
        )
        return list(overlooked_contacts(context))

    digest.send_if_due(environment.portal_id, environment.policy.zone, now, find_overlooked)


def send_after_failed_opening(loop: Loop, messages: Messages) -> None:
    """Send the alert that a known portal cannot be opened; of several, it might be any."""
    _attempt(lambda: _send_failed_opening(loop, messages.notifier))


def _send_failed_opening(loop: Loop, notifier: Notifier) -> None:
    portal_ids = loop.known_portal_ids()
    for portal_id in portal_ids if len(portal_ids) == 1 else ():
        health = Health(
            failing_steps=loop.steps.failing_steps(),
            monotonic_seconds=loop.steps.monotonic(),
            now=datetime.now(UTC),
            open_moves=(),
            failed_corrections=(),
        )
        notifier.notify(portal_id, alerts(health), health.now)


def _send_alerts(loop: Loop, environment: Environment, messages: Messages) -> None:
    try:
        now = environment.api.now()
    except ConnectorError:
        now = datetime.now(UTC)  # that the portal's time is not known is an alert itself
    pause = read_pause(environment.store, environment.portal_id)
    with environment.store.reading(environment.portal_id) as session:
        health = Health(
            failing_steps=loop.steps.failing_steps(),
            monotonic_seconds=loop.steps.monotonic(),
            now=now,
            open_moves=outbox.open_moves(session),
            failed_corrections=quarantine.read_quarantined(session),
            unreadable_records=unreadable_records.read_all(session),
            pause=pause,
            policy_review=loop.schedule.reviewed_policy,
            events=outgoing_events.count(session) if messages.event_delivery else EventCounts(),
        )
    messages.notifier.notify(environment.portal_id, alerts(health), now)
