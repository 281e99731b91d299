"""Run a program from outside, and say what it cost: seconds of CPU, seconds, and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

_ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run of a program cost; `requests` is what the server counted meanwhile."""

    cpu: float
    seconds: float
    memory: float
    requests: int = 0


def median_cost(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        cpu=median(cost.cpu for cost in costs),
        seconds=median(cost.seconds for cost in costs),
        memory=median(cost.memory for cost in costs),
        requests=round(median(cost.requests for cost in costs)),
    )


def measure(command: Sequence[str], environment: Mapping[str, str], *, url: str = "") -> Cost:
    """Run a command to its end; stop where it fails, and show what it said."""
    if url:
        _take_count(url)
    with tempfile.TemporaryFile() as output:
        started_at = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=_ROOT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started_at
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{command}: {process.returncode}\n{output.read().decode()[-2000:]}")
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        seconds=seconds,
        memory=usage.ru_maxrss / 1024,
        requests=_take_count(url) if url else 0,
    )


@contextmanager
def serve(contacts: int, companies: int, deals: int, *, milliseconds: int = 0) -> Iterator[str]:
    """Serve a canned portal from a process of its own; yield its address."""
    counts = (contacts, companies, deals, milliseconds)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.canned_portal", *map(str, counts)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


def _take_count(url: str) -> int:
    """Return how many requests the server answered since the last time."""
    with urllib.request.urlopen(f"{url}/count") as answer:  # noqa: S310 -- our own server
        return int(answer.read())
