"""Read and check the settings that the daemon alone uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector.config.dashboard_access import DashboardAccessSettings, read_access
from connector.config.portal_files import PortalFile
from connector.config.settings import read_values
from connector.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """The daemon's settings; times in seconds, `public_url` without the path of the webhooks."""

    poll_seconds: float
    host: str
    port: int
    public_url: str
    webhook_secret: str = field(repr=False)
    webhook_v1: bool
    alerts: tuple[str, ...] = field(repr=False)
    alert_seconds: float
    handover: str = field(repr=False)
    events_url: str = field(repr=False)
    events_secret: str = field(repr=False)
    dashboard_access: DashboardAccessSettings


def read(
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    portal: PortalFile | None = None,
) -> DaemonSettings:
    """Return the daemon's settings; raise UserError naming the one that is wrong."""
    values = read_values(environment, folder=folder, portal=portal)
    host, port = _address(values["CONNECTOR_LISTEN"])
    return DaemonSettings(
        poll_seconds=_number("CONNECTOR_POLL_SECONDS", values, minimum=1),
        host=host,
        port=port,
        public_url=_public_url(values),
        webhook_secret=values["HUBSPOT_WEBHOOK_SECRET"],
        webhook_v1=values["CONNECTOR_WEBHOOK_V1"] == "on",
        alerts=tuple(values["CONNECTOR_ALERTS"].split()),
        alert_seconds=60 * _number("CONNECTOR_ALERT_MINUTES", values, minimum=0),
        handover=values["CONNECTOR_HANDOVER"],
        events_url=values["CONNECTOR_EVENTS"],
        events_secret=values["CONNECTOR_EVENTS_SECRET"],
        dashboard_access=read_access(values, host=host),
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UserError(f"CONNECTOR_LISTEN is {text!r}: write an address as 127.0.0.1:8080.")
    return host.strip("[]"), int(port)


def _number(name: str, values: Mapping[str, str], *, minimum: float) -> float:
    try:
        value = float(values[name])
    except ValueError:
        value = -1.0
    if not minimum <= value < 1e6:
        raise UserError(f"{name} is {values[name]!r}: write a number of at least {minimum:g}.")
    return value


def _public_url(values: Mapping[str, str]) -> str:
    """Return the public address; with a secret but no address no signature could be right."""
    url = values["CONNECTOR_PUBLIC_URL"].rstrip("/")
    if values["HUBSPOT_WEBHOOK_SECRET"] and not url.startswith(("http://", "https://")):
        raise UserError(
            "HUBSPOT_WEBHOOK_SECRET is set, but CONNECTOR_PUBLIC_URL is not the address that "
            "HubSpot calls: HubSpot signs it, so write it as https://connector.example.com."
        )
    return url
