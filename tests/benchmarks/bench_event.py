"""Print how long after its event a correction is verified, with answers of HubSpot after 150 ms."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from state import audit
from state.db.store import Store
from tests.journeys import sample_records
from tests.journeys.live_daemon import WEBHOOK_SECRET, free_port

LATENCY, REPETITIONS = 0.15, 15


def _audit_length(store: Store, portal: Portal) -> int:
    with store.reading(str(portal.portal_id)) as session:
        return audit.head(session).line_count


def main() -> None:
    portal, port = Portal(), free_port()
    contact_ids = [
        sample_records.create_contact(portal, f"c{number}", "lead") for number in range(REPETITIONS)
    ]
    with TemporaryDirectory() as folder, Sandbox(portal) as sandbox:
        url = f"sqlite:///{Path(folder) / 'connector.db'}"
        settings = {
            "HUBSPOT_API_URL": sandbox.url,
            "HUBSPOT_ACCESS_TOKEN": sandbox.token,
            "HUBSPOT_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "CONNECTOR_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "CONNECTOR_LISTEN": f"127.0.0.1:{port}",
            "CONNECTOR_POLL_SECONDS": "3600",
            "CONNECTOR_WRITES": "apply",
            "CONNECTOR_DATABASE_URL": url,
        }
        command = [sys.executable, "-m", "connector", "run"]
        daemon = subprocess.Popen(
            command, env={**os.environ, **settings}, cwd=folder, stderr=subprocess.DEVNULL
        )
        try:
            with Store.open(url) as store:
                sandbox.set_deliveries(
                    DeliverySettings(
                        target=f"http://127.0.0.1:{port}/webhooks/hubspot", secret=WEBHOOK_SECRET
                    )
                )
                while sandbox.request_count("search") < 3:
                    time.sleep(0.1)
                time.sleep(2)
                portal.switches.latency_seconds = LATENCY
                durations = []
                for contact_id in contact_ids:
                    lines_before, started = _audit_length(store, portal), time.perf_counter()
                    sample_records.submit_form(portal, contact_id, sample_records.DEMO_FORM)
                    while _audit_length(store, portal) == lines_before:
                        time.sleep(0.01)
                    durations.append(time.perf_counter() - started)
                    time.sleep(1.5)
        finally:
            daemon.terminate()
            daemon.wait()
    print(
        f"verified after its event: median {statistics.median(durations):.2f} s, "
        f"at most {max(durations):.2f} s (promised: a median of 2)"
    )


if __name__ == "__main__":
    main()
