"""Catch the signals that ask the daemon to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def caught_signals() -> Iterator[Sequence[int]]:
    """Yield the signals that arrived so far.

    The handler takes no lock, because it may interrupt itself and any code of the main thread.
    """
    received: list[int] = []
    previous_handlers = {
        signal_number: signal.signal(signal_number, lambda number, _: received.append(number))
        for signal_number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for signal_number, handler in previous_handlers.items():
            signal.signal(signal_number, handler)
