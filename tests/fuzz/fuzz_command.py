"""The command: python -m tests.fuzz --lives 100000 --seed 7."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import resource
import signal
import sys

import fuzz_operations
import torch
from fuzz_campaign import BROKEN, SELDOM, Campaign, journal_file, supervised, timed

_MEMORY = 24 * 2**30  # so that what is too large is refused by the system, whatever the machine has


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description="Calls everything with anything.")
    parser.add_argument("--lives", type=int, default=100_000, help="how many in all; each makes some calls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first life of each operation")
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join(fuzz_operations.BY_NAME)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--journal", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    """Makes the calls in a child process. Returns 0, 3 if some broke the law, else how it died."""
    _parser().parse_args()  # errors here
    journal = journal_file()
    try:
        return supervised(sys.argv[1:], journal)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(journal)


def in_child() -> None:
    """Makes the calls, prints what there is to say, and exits."""
    asked = _parser().parse_args()
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which maps terabytes
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    torch.set_num_threads(asked.threads)
    operations = [fuzz_operations.BY_NAME[name] for name in asked.only] or list(fuzz_operations.BY_NAME.values())
    slow = () if asked.only else fuzz_operations.SLOW
    campaign = Campaign(operations, asked.seed, asked.journal, slow)
    share = len(operations) - len(slow) + len(slow) / SELDOM
    each = max(1, math.ceil(asked.lives / share))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # then, too, it says what it has called

    def tell(counts: str) -> None:
        print(counts, file=sys.stderr, flush=True)

    def run() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            campaign.run(asked.first, each, stop_after=20, told=tell)

    seconds = timed(run)
    print(campaign.report())
    print(f"{seconds:.0f} s, seed {asked.seed}, torch {torch.__version__}")
    sys.stdout.flush()
    sys.exit(BROKEN if campaign.failures else 0)
