"""Check that a webhook delivery was signed by HubSpot: with our secret, for our address, now."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MAX_AGE: Final = 300.0
"""Seconds: HubSpot's page on validating requests has older ones refused."""
MAX_AHEAD: Final = 60.0
"""Seconds that a delivery may be ahead of us, since no two clocks agree."""
_DECODED_CHARACTERS: Final[Mapping[str, str]] = {
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
class SigningSettings:
    """How deliveries are signed: the app's client secret, and whether v1 is accepted.

    A v1 signature is valid for ever and for any address: only old apps need it.
    """

    secret: str = field(repr=False)
    legacy: bool = False


def signature_problem(delivery: Delivery, signing: SigningSettings, now: datetime) -> str:
    """Return why a delivery is not HubSpot's, "" where it is."""
    signature = delivery.headers.get("x-hubspot-signature-v3", "")
    if signature:
        return _v3_problem(delivery, signing.secret, signature, now)
    if signing.legacy and delivery.headers.get("x-hubspot-signature-version", "v1") == "v1":
        legacy_signature = delivery.headers.get("x-hubspot-signature", "")
        return (
            ""
            if _is_equal(legacy_signature, v1_signature(signing.secret, delivery.body))
            else "wrong signature"
        )
    return "no signature"


def v1_signature(secret: str, body: bytes) -> str:
    """Return the v1 signature, which only old apps use.

    >>> v1_signature("secret", b"")
    '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'
    """
    return hashlib.sha256(secret.encode() + body).hexdigest()


def v3_signature(secret: str, delivery: Delivery, timestamp: str) -> str:
    """Return the signature of a delivery that was sent at that time."""
    signed = delivery.method.encode() + decode_uri(delivery.uri).encode() + delivery.body
    digest = hmac.new(secret.encode(), signed + timestamp.encode(), hashlib.sha256).digest()
    return b64encode(digest).decode()


def decode_uri(uri: str) -> str:
    """Decode just what HubSpot decodes before it signs.

    >>> decode_uri("https://a.example/hook?user=a%40b.example&at=9%3A30&x=%20")
    'https://a.example/hook?user=a@b.example&at=9:30&x=%20'
    """
    for code, character in _DECODED_CHARACTERS.items():
        uri = uri.replace(code, character).replace(code.lower(), character)
    return uri


def _v3_problem(delivery: Delivery, secret: str, signature: str, now: datetime) -> str:
    timestamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return "no time"
    if not _is_equal(signature, v3_signature(secret, delivery, timestamp)):
        return "wrong signature"
    age = now.timestamp() - int(timestamp) / 1000
    if age > MAX_AGE:
        return "too old"
    return "from the future" if age < -MAX_AHEAD else ""


def _is_equal(signature: str, expected: str) -> bool:
    # As bytes, since `compare_digest` takes no text beyond ASCII.
    return hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), expected.encode())
