"""Sign an event by the Standard Webhooks convention, and post it to CONNECTOR_EVENTS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import requests
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from connector.errors import TemporaryError, UserError
from state.outgoing_events import OutgoingEvent

_TIMEOUT: Final = 15.0
_UNAVAILABLE: Final = frozenset({408, 429, 502, 503, 504})
"""Answers that say nothing about the event: the receiver is busy, or what stands before it is."""
_HOW_TO: Final = (
    "make one with `python -c \"import base64, secrets; print('whsec_' + "
    'base64.b64encode(secrets.token_bytes(24)).decode())"`'
)


class EventNotTaken(TemporaryError):
    """The receiver of CONNECTOR_EVENTS takes nothing now; everything is posted again."""


class EventRefused(TemporaryError):
    """The receiver of CONNECTOR_EVENTS refuses this event; others may be taken."""


@dataclass(frozen=True, slots=True)
class EventReceiver:
    """Where events are posted, and what signs them."""

    url: str
    webhook: Webhook


def event_receiver(url: str, secret: str) -> EventReceiver | None:
    """Return the receiver of CONNECTOR_EVENTS, None without one; UserError where it is wrong.

    The secret is one of the Standard Webhooks convention: `whsec_` and Base64
    (https://github.com/standard-webhooks/standard-webhooks, its specification).
    """
    if not url:
        return None
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise UserError("CONNECTOR_EVENTS is no address: write https://receiver.example/events.")
    if not secret.startswith("whsec_"):
        raise UserError(
            f"CONNECTOR_EVENTS is set, but CONNECTOR_EVENTS_SECRET is no secret: {_HOW_TO}."
        )
    try:
        return EventReceiver(url, Webhook(secret))
    except (ValueError, EmptyWebhookSecretError) as error:
        raise UserError(f"CONNECTOR_EVENTS_SECRET is not Base64: {_HOW_TO}.") from error


def post(receiver: EventReceiver, event: OutgoingEvent, now: datetime) -> None:
    """Post one event.

    Raise EventNotTaken where the receiver cannot be reached or is busy, EventRefused where it
    answers anything else but success.
    """
    headers = {
        "content-type": "application/json",
        "webhook-id": event.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": receiver.webhook.sign(event.event_id, now, event.document),
    }
    try:
        response = requests.post(
            receiver.url,
            data=event.document.encode(),
            headers=headers,
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise EventNotTaken(
            f"The receiver of CONNECTOR_EVENTS cannot be reached: {type(error).__name__}."
        ) from error
    message = f"The receiver of CONNECTOR_EVENTS answers {response.status_code}"
    if response.status_code in _UNAVAILABLE:
        raise EventNotTaken(f"{message}.")
    if not 200 <= response.status_code < 300:
        raise EventRefused(f"{message} to an event of {event.record}.")
