"""Print how much memory `connector pull` of a large portal takes at its peak.

The portal is served from another process, which makes up each page when it is asked for one, so
that it need not hold a million contacts. Fails above 250 MiB.
Run it: `python tests/benchmarks/bench_memory.py [CONTACTS]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.http.call import Answer, Request
from connector.sandbox.http.dispatcher import Dispatcher
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal

TOKEN = "pat-eu1-sandbox"
MAX_MIB = 250
PAGE = 100
FIRST_ID = 10**9
TIMESTAMP = "2026-01-01T10:00:00.000Z"


class LargePortal(Dispatcher):
    """Answers for a number of contacts, each made when a request asks for it."""

    contacts = 0

    def answer(self, request: Request) -> Answer:
        """Answer lists and searches of contacts, and leave the rest to the portal."""
        if request.object_type == "contacts" and request.route == "list":
            return Answer(body=self._page(int(request.params.get("after") or 0)))
        if request.object_type == "contacts" and request.route == "search":
            last = self._contact(FIRST_ID + self.contacts - 1)
            return Answer(body={"total": self.contacts, "results": [last]})
        return super().answer(request)

    def _page(self, after: int) -> dict[str, Any]:
        start = max(after, FIRST_ID)
        end = min(start + PAGE, FIRST_ID + self.contacts)
        body: dict[str, Any] = {
            "results": [self._contact(contact_id) for contact_id in range(start, end)]
        }
        if end < FIRST_ID + self.contacts:
            body["paging"] = {"next": {"after": str(end), "link": ""}}
        return body

    def _contact(self, number: int) -> dict[str, Any]:
        properties = {
            "associatedcompanyid": str(7_000_000 + number % 50_000),
            "createdate": TIMESTAMP,
            "email": f"person{number}@example{number % 977}.example",
            "hs_lead_status": None,
            "hs_object_id": str(number),
            "hs_v2_date_entered_current_stage": TIMESTAMP,
            "hubspot_owner_id": "1234567",
            "lastmodifieddate": TIMESTAMP,
            "lifecyclestage": "lead",
            "num_conversion_events": "3",
            "recent_conversion_date": TIMESTAMP,
            "recent_conversion_event_name": f"E-book: form {number % 31}",
        }
        fields = {"createdAt": TIMESTAMP, "updatedAt": TIMESTAMP, "archived": False}
        return {"id": str(number), "properties": properties, **fields}


def serve(contacts: int) -> None:
    """Serve the portal, say where, and wait to be ended."""
    portal = Portal(portal_id=1, time_zone="UTC")
    with Sandbox(portal, token=TOKEN) as sandbox:
        sandbox.dispatcher = LargePortal(portal, TOKEN)
        LargePortal.contacts = contacts
        print_line(sandbox.url)
        while True:
            time.sleep(1)
            sandbox.clear_requests()


def pull(url: str) -> tuple[float, float, float]:
    """Pull the whole portal; return MiB at the peak, CPU seconds, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "HUBSPOT_API_URL": url,
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{folder}/connector.db",
        }
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "connector", "pull"],
            stdout=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"connector pull ended with {process.returncode}")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, time.monotonic() - started


def print_line(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(contacts: int) -> int:
    """Measure once; 1 above the limit."""
    print_line(f"{datetime.now(UTC):%Y-%m-%d}: a portal of {contacts:,} contacts")
    command = [sys.executable, __file__, "--serve", str(contacts)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        memory, cpu, seconds = pull(server.stdout.readline().strip())
    finally:
        server.terminate()
        server.wait()
    cpu_per_page = cpu / contacts * PAGE * 1000
    print_line(
        f"connector pull   {memory:4.0f} MiB  {cpu:6.1f} CPU s  {cpu_per_page:4.1f} CPU ms a page"
    )
    print_line(
        f"                 {seconds:.0f} s in all, {contacts / PAGE / seconds * 10:.0f} pages "
        "in 10 s"
    )
    return int(memory > MAX_MIB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    raise SystemExit(main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000))
