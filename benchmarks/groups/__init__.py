"""Groups: one question each, asked by a function `run(session)`."""

from __future__ import annotations

from collections.abc import Callable

from ..session import Session
from . import (
    build,
    bulk,
    coverage,
    cpu_targets,
    draws,
    dynamic,
    first_index,
    loaders,
    loops,
    mixture,
    ranks,
    registry,
    replay,
    rows,
    small_calls,
    without_replacement,
)

# In order of importance: if time runs out, the last ones are skipped.
GROUPS: dict[str, Callable[[Session], None]] = {
    "draws": draws.run,
    "families": draws.run_families,
    "bulk": bulk.run,
    "build": build.run,
    "build-families": build.run_families,
    "loops": loops.run,
    "small-calls": small_calls.run,
    "rows": rows.run,
    "first-index": first_index.run,
    "memory": first_index.run_memory,
    "dynamic": dynamic.run,
    "replay": replay.run,
    "without-replacement": without_replacement.run,
    "cpu-targets": cpu_targets.run,
    "loaders": loaders.run,
    "marking": coverage.run,
    "audits": coverage.run_audits,
    "ranks": ranks.run,
    "ranks-memory": ranks.run_memory,
    "ranks-fairness": ranks.run_fairness,
    "mixture": mixture.run,
    "mixture-peers": mixture.run_peers,
    "registry": registry.run,
    "huge": bulk.run_huge,
}
