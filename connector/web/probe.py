"""Ask /healthz of the daemon on this machine, for the container's health check."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

_SECONDS = 4.0


def probe(listen: str) -> int:
    """Return 0 where the daemon answers, else 1."""
    connection = HTTPConnection("127.0.0.1", int(listen.rpartition(":")[2]), timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return int(connection.getresponse().status != 200)
    except (OSError, HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(probe(os.environ.get("CONNECTOR_LISTEN", "127.0.0.1:8080")))
