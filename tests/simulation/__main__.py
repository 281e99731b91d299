"""Simulate a connector and its portal on a virtual clock: `make simulate`."""

from __future__ import annotations

import argparse
import sys
from multiprocessing import Pool

import structlog

from tests.simulation.play import play_seed


def main() -> int:
    """Play the stories of several seeds; print those that fail, each at its shortest."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds (default: 1)")
    parser.add_argument("--days", type=float, default=20, help="days of each story (default: 20)")
    parser.add_argument("--processes", type=int, default=2, help="at once (default: 2)")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    stories = [(seed, options.days) for seed in range(options.seed, options.seed + options.seeds)]
    with Pool(min(options.processes, len(stories))) as pool:
        reports = [text for text in pool.starmap(play_seed, stories, chunksize=1) if text]
    sys.stdout.writelines(f"{text}\n" for text in reports)
    sys.stdout.write(
        f"{len(stories)} stories of {options.days:g} days: {len(reports)} break a promise\n"
    )
    return 1 if reports else 0


if __name__ == "__main__":
    sys.exit(main())
