"""Print what `connector pull` of a whole portal costs, beside the least that it could.

The sandbox runs in another process; `connector pull` is measured from outside, its start-up
included. The floor reads the same pages with urllib3 and orjson, and does nothing with them.
Run it: `python tests/benchmarks/bench_pull.py [CONTACTS]`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
import urllib3

TOKEN = "pat-eu1-sandbox"
FAMILY = "2026-03"
PROPERTIES = {
    "contacts": "associatedcompanyid,email,hs_lead_status,hs_v2_date_entered_current_stage,"
    "hubspot_owner_id,lifecyclestage,num_conversion_events,recent_conversion_date,"
    "recent_conversion_event_name",
    "companies": "domain,hs_v2_date_entered_current_stage,hubspot_owner_id,lifecyclestage",
    "deals": "closedate,createdate,dealstage,hs_is_closed,hs_is_closed_won,"
    "hs_v2_date_entered_current_stage,pipeline",
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process cost: CPU seconds and MiB at its peak."""

    cpu: float
    memory: float
    output: bytes


@contextmanager
def serve_sandbox(contacts: int) -> Iterator[str]:
    """Serve a portal from another process; yield its address."""
    command = [sys.executable, "-m", "connector", "sandbox", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--contacts", str(contacts)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        matches = (re.search(r"answers at (\S+)", line) for line in process.stdout)
        yield next(match[1] for match in matches if match)
    finally:
        process.terminate()
        process.wait()


def measure(command: list[str], environment: Mapping[str, str]) -> Cost:
    """Run a command to its end, and return what it cost."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command} ended with {process.returncode}")
        output.seek(0)
        return Cost(
            cpu=usage.ru_utime + usage.ru_stime, memory=usage.ru_maxrss / 1024, output=output.read()
        )


def pull(url: str) -> Cost:
    """Pull the whole portal into a new database."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(
            [sys.executable, "-m", "connector", "pull", "--json"],
            {
                "HUBSPOT_API_URL": url,
                "HUBSPOT_ACCESS_TOKEN": TOKEN,
                "HUBSPOT_API_VERSION": FAMILY,
                "CONNECTOR_DATABASE_URL": f"sqlite:///{folder}/connector.db",
            },
        )


def read_floor(url: str) -> None:
    """List every record, decode the answers, and do nothing with them."""
    pool = urllib3.PoolManager()
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}
    for object_type, names in PROPERTIES.items():
        after = ""
        while True:
            query = f"limit=100&properties={names}{after}"
            path = f"{url}/crm/objects/{FAMILY}/{object_type}?{query}"
            body = orjson.loads(pool.request("GET", path, headers=headers).data)
            next_after = body.get("paging", {}).get("next", {}).get("after")
            if not next_after:
                break
            after = f"&after={next_after}"


def print_line(line: str) -> None:
    """Write a line."""
    sys.stdout.write(line + "\n")


def main(contacts: int) -> None:
    """Measure once, and print the figures with their ratio."""
    with serve_sandbox(contacts) as url:
        floor_cost = measure([sys.executable, __file__, "--floor", url], {})
        connector_cost = pull(url)
    read_counts = orjson.loads(connector_cost.output)["read"]
    records = sum(read_counts.values())
    print_line(
        f"a portal of {', '.join(f'{count:,} {kind}' for kind, count in read_counts.items())}"
    )
    for name, cost in (("the floor", floor_cost), ("connector pull", connector_cost)):
        rate = records / cost.cpu
        print_line(
            f"{name:<16} {cost.cpu:6.2f} CPU s  {cost.memory:4.0f} MiB  {rate:8,.0f} records/CPU s"
        )
    print_line(
        f"ratio            {connector_cost.cpu / floor_cost.cpu:6.2f}        "
        f"{connector_cost.memory / floor_cost.memory:4.1f}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        read_floor(sys.argv[2])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 20_000)
