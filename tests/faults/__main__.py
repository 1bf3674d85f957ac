"""Run the fault campaigns: ``python -m tests.faults [--share 0.01] [--seed 0] [names ...]``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.faults import arguments, bounds, checkpoints, disks, evolving, files, kills
from tests.faults.counting import Count

# Every campaign with its full size.
CAMPAIGNS: dict[str, tuple[Callable[[int, int], Count], int]] = {
    "files": (files.campaign, 10_000),
    "kills": (kills.campaign, 100),
    "evolution": (evolving.campaign, 100_000),
    "checkpoints": (checkpoints.campaign, 4_000),
    "disks": (disks.campaign, 100),
    "arguments": (arguments.campaign, 10_000),
    "bounds": (bounds.campaign, 1_000),
}


def main() -> int:
    """Run the campaigns asked for, print what each counted; 1 if a trial failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *CAMPAIGNS], help="all by default")
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = 0
    for name in options.names or CAMPAIGNS:
        campaign, size = CAMPAIGNS[name]
        start = time.monotonic()
        count = campaign(max(1, round(options.share * size)), options.seed)
        sys.stdout.write(f"{count}\n    {time.monotonic() - start:,.0f} s\n")
        sys.stdout.flush()
        failed += count.failed
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
