"""One pool of connections to HubSpot, kept by the client of HubSpot's SDK."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import urllib3.exceptions as urllib3_errors

# Each part of the SDK has this client; the part for owners has the fewest models to load.
from hubspot.crm.owners.api_client import ApiClient
from hubspot.crm.owners.configuration import Configuration
from hubspot.crm.owners.exceptions import ApiException
from urllib3 import HTTPResponse
from urllib3.util import Retry

from connector.errors import ConnectorError
from connector.hubspot.http.failures import NotSent, Unavailable, WrongAddress
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request

TokenSource = Callable[[], str]
"""Returns the token for the next request: a fixed one, or one that is refreshed in time."""

CONNECTIONS: Final = 16
"""Kept alive at once; more than the parallel reads that a burst limit leaves room for."""

NO_RETRY: Final = Retry(total=0, redirect=False)
"""The SDK must not retry by itself, nor carry the token to another host."""


class Transport:
    """Sends requests and returns the answers, refusals too; raises where there is no answer."""

    def __init__(
        self,
        url: str,
        *,
        timeouts: tuple[float, float],
        monotonic: Callable[[], float],
    ) -> None:
        configuration = Configuration(host=url.rstrip("/"))
        configuration.retries = NO_RETRY
        configuration.connection_pool_maxsize = CONNECTIONS
        self._client = ApiClient(configuration)
        self._client.user_agent = "hubspot-lifecycle-connector"
        self._timeouts = timeouts
        self._monotonic = monotonic
        _silence_loggers("hubspot", "urllib3")

    def send(self, request: Request, token: str) -> Answer:
        """Send a request once; raise `NotSent`, `Unavailable` or `WrongAddress` without answer."""
        try:
            return self._send(request, token)
        except urllib3_errors.HTTPError as error:
            raise _failure(error, request) from None

    def close(self) -> None:
        """Close every connection."""
        self._client.rest_client.pool_manager.clear()

    def _send(self, request: Request, token: str) -> Answer:
        sent_at = self._monotonic()
        try:
            response = self._call(request, token)
            received_at = self._monotonic()
            status, headers, body = response.status, response.headers, response.data
        except ApiException as error:
            received_at = self._monotonic()
            status, headers, body = error.status, error.headers, error.body.encode()
        except UnicodeDecodeError as error:
            # The SDK decodes the bodies of refusals as UTF-8; HubSpot's HTML pages are Latin-1.
            refusal = error.__context__
            if not isinstance(refusal, ApiException):
                raise
            received_at = self._monotonic()
            status, headers, body = refusal.status, refusal.headers, error.object
        return Answer(
            status=status, headers=headers, body=body, sent_at=sent_at, received_at=received_at
        )

    def _call(self, request: Request, token: str) -> HTTPResponse:
        response: HTTPResponse = self._client.call_api(
            request.path,
            request.method,
            query_params=dict(request.query),
            header_params={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
            body=request.body,
            _preload_content=False,
            _request_timeout=self._timeouts,
        )
        return response


def _failure(error: urllib3_errors.HTTPError, request: Request) -> ConnectorError:
    reason = error.reason if isinstance(error, urllib3_errors.MaxRetryError) else None
    cause = reason or error
    name = type(cause).__name__
    match cause:
        case urllib3_errors.LocationValueError():
            return WrongAddress(f"HUBSPOT_API_URL is no web address ({name}): correct it")
        case urllib3_errors.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return WrongAddress(
                "the certificate of HUBSPOT_API_URL could not be verified: check the address, "
                "and whether a proxy stands between"
            )
        case urllib3_errors.NewConnectionError() | urllib3_errors.ConnectTimeoutError():
            return NotSent(
                f"no connection to HubSpot for the {request.route} request ({name}): "
                "check HUBSPOT_API_URL and the network"
            )
    return Unavailable(
        f"the connection to HubSpot broke during the {request.route} request ({name}): "
        "it is tried again later"
    )


def _drop_record(_: logging.LogRecord) -> bool:
    return False


def _silence_loggers(*packages: str) -> None:
    """Keep their loggers quiet for good: at debug they write bodies, which hold personal data.

    A level would not last (the SDK and any logging configuration reset it); a filter does,
    but only on the very logger that it is added to.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in packages:
            logger = logging.getLogger(name)
            logger.removeFilter(_drop_record)
            logger.addFilter(_drop_record)
