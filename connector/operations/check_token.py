"""Check what kind of token it is, and which scopes it lacks for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.errors import ConnectorError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.http.failures import RequestsUsedUp
from connector.operations.finding import CheckResult, Finding, unchecked

NEEDED: Final[Mapping[str, str]] = {
    "crm.objects.contacts.read": "reading contacts, their histories, and follow-up tasks",
    "crm.objects.contacts.write": "correcting contacts, and creating follow-up tasks",
    "crm.objects.companies.read": "reading companies and their links",
    "crm.objects.companies.write": "correcting companies",
    "crm.objects.deals.read": "reading deals, on which most rules rest",
}
"""What each scope is for (https://developers.hubspot.com/scopes)."""
OPTIONAL: Final[Mapping[str, str]] = {
    "automation": "naming the workflows that set stage or lead status, or start by them",
    "crm.objects.owners.read": "proposing own staff's domains in `connector policy init`",
}

_TRIED: Final = "what is needed is tried below"


def check_scopes(api: HubSpotApi) -> Finding:
    """Say what kind of token it is, and what its missing scopes are for.

    A scope that is not listed is no more than looked at: what the token may do is tried as well.
    """
    try:
        token = api.token_info()
    except RequestsUsedUp as error:
        return unchecked("scopes", error)
    except ConnectorError as error:
        return _finding(f"unknown, HubSpot does not tell them now ({error}): {_TRIED}")
    if token.scopes is None:
        return _finding(f"{token.kind}; unknown, HubSpot does not tell them: {_TRIED}")
    missing, without = _lacks(NEEDED, token.scopes), _lacks(OPTIONAL, token.scopes)
    if missing:
        message = f"{token.kind}; it lacks {missing}: add them in the app's settings in HubSpot"
        return _finding(message, CheckResult.WARNING)
    suffix = f"; it works without {without}" if without else ""
    return _finding(f"{token.kind}; it has all {len(NEEDED)} scopes that are needed{suffix}")


def _lacks(uses: Mapping[str, str], scopes: frozenset[str]) -> str:
    return ", ".join(f"`{scope}` (for {use})" for scope, use in uses.items() if scope not in scopes)


def _finding(message: str, result: CheckResult = CheckResult.OK) -> Finding:
    return Finding(name="scopes", result=result, message=message)
