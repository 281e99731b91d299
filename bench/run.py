"""Measure the connector beside an anchor and its peers, in one run, and write the page.

Each round runs every program once, so that a machine that is busy for a while slows all of them;
the figures are medians, and what counts are ratios within one run. Run it: `make bench`, or
`python -m bench.run [--contacts 20000] [--rounds 5] [--no-peers]`. The result goes to
`bench/results/`, and to docs/performance.md.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from bench.canned_portal import BURST, INTERVAL, TOKEN
from bench.measure import Cost, measure, median_cost, serve
from bench.page import write_page
from bench.peers import PEERS, command_of

_RESULTS: Final = Path(__file__).with_name("results")
_LATENCIES: Final = (150, 300, 600)  # milliseconds that HubSpot may take for an answer

Program = Callable[[], Cost]


def measure_mirrors(contacts: int, rounds: int, *, with_peers: bool) -> dict[str, Cost]:
    """Measure a first pull of contacts beside the anchor and the peers."""
    with serve(contacts, 0, 0) as url:
        programs: dict[str, Program] = {
            "anchor": lambda: _run_anchor(url),
            "connector pull": lambda: _run_pull(url),
        }
        for peer in PEERS if with_peers else ():
            command = command_of(peer, url)
            if command:
                programs[peer.name] = lambda command=command: measure(command, {}, url=url)
        return _interleave(programs, rounds)


def measure_whole_portal(contacts: int, rounds: int) -> dict[str, Cost]:
    """Measure a first pull of contacts, companies and deals beside the anchor."""
    with serve(contacts, contacts // 5, contacts // 4) as url:
        return _interleave(
            {"anchor": lambda: _run_anchor(url), "connector pull": lambda: _run_pull(url)}, rounds
        )


def measure_starts(rounds: int) -> dict[str, Cost]:
    """Measure how soon a command answers that has nothing to do."""
    with serve(100, 1, 1) as url, tempfile.TemporaryDirectory() as folder:
        environment = _environment(url, folder)
        measure(_connector("pull", "--json"), environment)
        return _interleave(
            {
                "connector --version": lambda: measure(_connector("--version"), environment),
                "connector --help": lambda: measure(_connector("--help"), environment),
                "connector plan, nothing due": lambda: measure(
                    _connector("plan", "--json"), environment, url=url
                ),
            },
            rounds,
        )


def measure_allowances(contacts: int) -> dict[str, float]:
    """Return which share of the allowed requests a first pull makes use of, by latency."""
    shares = {}
    for latency in _LATENCIES:
        with serve(contacts, 0, 0, milliseconds=latency) as url:
            cost = _run_pull(url)
        # As many requests as the allowance lets through at once need no time of their own.
        shares[f"{latency} ms"] = cost.requests / (BURST * (cost.seconds / INTERVAL))
    return shares


def _interleave(programs: Mapping[str, Program], rounds: int) -> dict[str, Cost]:
    """Run every program once a round; return the medians of all rounds."""
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    for number in range(rounds):
        for name, program in programs.items():
            costs[name].append(program())
            sys.stderr.write(f"  {number + 1}/{rounds} {name}: {costs[name][-1].cpu:.2f} CPU s\n")
    return {name: median_cost(of_program) for name, of_program in costs.items()}


def _run_anchor(url: str) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.anchor", url, f"{folder}/anchor.db"]
        return measure(command, {}, url=url)


def _run_pull(url: str) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        return measure(_connector("pull", "--json"), _environment(url, folder), url=url)


def _connector(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "connector", *arguments]


def _environment(url: str, folder: str) -> dict[str, str]:
    return {
        "HUBSPOT_API_URL": url,
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "CONNECTOR_DATABASE_URL": f"sqlite:///{folder}/connector.db",
    }


def _as_json(costs: Mapping[str, Cost]) -> dict[str, Any]:
    return {name: asdict(cost) for name, cost in costs.items()}


def main() -> None:
    """Measure everything, and write the result and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    # As an installation does: without bytecode, each start would compile the program anew.
    for package in ("connector", "state", "mappings", "bench"):
        compileall.compile_dir(package, quiet=1)
    mirrors = measure_mirrors(options.contacts, options.rounds, with_peers=not options.no_peers)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "busy": round(os.getloadavg()[0] / (os.cpu_count() or 1), 1),
        "contacts": options.contacts,
        "rounds": options.rounds,
        "mirror of contacts": _as_json(mirrors),
        "mirror of a whole portal": _as_json(
            measure_whole_portal(options.contacts, options.rounds)
        ),
        "start": _as_json(measure_starts(options.rounds)),
        "allowance": measure_allowances(options.contacts),
    }
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "latest.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    write_page(result, Path("docs"))


if __name__ == "__main__":
    main()
