"""Tell whether a delivery was signed by HubSpot: with the app's secret, for us, and just now."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

OLDEST: Final = 300.0
"""Seconds: HubSpot's page on validating requests has older ones refused."""
NEWEST: Final = 60.0
"""Seconds that a delivery may be ahead of us, since no two clocks agree."""
_DECODED: Final[Mapping[str, str]] = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request as it arrived; `uri` is the public address that HubSpot called."""

    method: str
    uri: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How deliveries are signed: the app's client secret, and whether v1 will do.

    A v1 signature holds for ever and for any address: only old apps need it.
    """

    secret: str = field(repr=False)
    legacy: bool = False


def problem(delivery: Delivery, signing: Signing, now: datetime) -> str:
    """Return why a delivery is not HubSpot's, "" where it is."""
    given = delivery.headers.get("x-hubspot-signature-v3", "")
    if given:
        return _problem_of_v3(delivery, signing.secret, given, now)
    if signing.legacy and delivery.headers.get("x-hubspot-signature-version", "v1") == "v1":
        legacy = delivery.headers.get("x-hubspot-signature", "")
        return "" if _same(legacy, v1(signing.secret, delivery.body)) else "wrong signature"
    return "no signature"


def v1(secret: str, body: bytes) -> str:
    """Return the signature of old apps.

    >>> v1("secret", b"")
    '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'
    """
    return hashlib.sha256(secret.encode() + body).hexdigest()


def v3(secret: str, delivery: Delivery, timestamp: str) -> str:
    """Return the signature of a delivery that was sent at that time."""
    signed = delivery.method.encode() + decoded(delivery.uri).encode() + delivery.body
    digest = hmac.new(secret.encode(), signed + timestamp.encode(), hashlib.sha256).digest()
    return b64encode(digest).decode()


def decoded(uri: str) -> str:
    """Decode just what HubSpot decodes before it signs.

    >>> decoded("https://a.example/hook?who=a%40b.example&at=9%3A30&x=%20")
    'https://a.example/hook?who=a@b.example&at=9:30&x=%20'
    """
    for code, sign in _DECODED.items():
        uri = uri.replace(code, sign).replace(code.lower(), sign)
    return uri


def _problem_of_v3(delivery: Delivery, secret: str, given: str, now: datetime) -> str:
    timestamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return "no time"
    if not _same(given, v3(secret, delivery, timestamp)):
        return "wrong signature"
    age = now.timestamp() - int(timestamp) / 1000
    if age > OLDEST:
        return "too old"
    return "from the future" if age < -NEWEST else ""


def _same(given: str, wanted: str) -> bool:
    # As bytes, since `compare_digest` takes no text beyond ASCII.
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
