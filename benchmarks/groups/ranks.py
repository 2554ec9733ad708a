"""Ranks: what a rank of many spends on its part of an epoch, and whether the parts are a fair draw.

The real classes are constructed with (rank, world), one rank in this process; no other process is needed.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

import pysampler

from ..peers import TORCH_LIMIT
from ..rank_peers import ShardSampler, lightning_wrapper, torch_distributed
from ..records import Case
from ..session import Session
from ..timing import Call, Unavailable
from ..weight_families import make_weights
from .first_index import watch_pass

BATCH = 256
RANK = 3
WEIGHTED = "pysampler DistributedWeightedSampler"
MAPPED = "pysampler DistributedWeightedSampler, new, table mapped"
SHUFFLED = "pysampler DistributedShuffleSampler"
TORCH, LIGHTNING, SHARDS = "torch DistributedSampler", "Lightning over torch's", "drawing inside shards"


def run(session: Session) -> None:
    """Milliseconds to a rank's first batch of 256, and for its whole epoch."""
    for items in session.settings.rank_items:
        weights = torch.from_numpy(make_weights(items))
        table = pysampler.AliasTable(weights)
        for world in session.settings.worlds:
            case: Case = {"items": items, "world": world}
            peers = _peers(session, case, weights) if world == session.settings.worlds[0] else {}
            ours = _ours(table, items, world)
            if session.begin("ranks-first-batch", case, 100 * items if peers else 0):
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "table.safetensors"
                    table.save(path)
                    first = {**ours, MAPPED: lambda path=path, world=world: _from_file(path, world), **peers}
                    session.compare("ranks-first-batch", case, _calls(first, BATCH), "ms/pass")
            if session.begin("ranks-epoch", case, 100 * items if peers else 0):
                session.compare("ranks-epoch", case, _calls({**ours, **peers}, None), "ms/pass")


def _ours(table: pysampler.AliasTable, items: int, world: int) -> dict[str, Callable[[], Any]]:
    weighted = pysampler.DistributedWeightedSampler(table, None, world, RANK)
    shuffled = pysampler.DistributedShuffleSampler(items, world, RANK)
    return {WEIGHTED: lambda: weighted, SHUFFLED: lambda: shuffled}


def _from_file(path: Path, world: int) -> Any:
    table = pysampler.AliasTable.load(path, validate=False)
    return pysampler.DistributedWeightedSampler(table, None, world, RANK)


def _peers(session: Session, case: Case, weights: torch.Tensor) -> dict[str, Callable[[], Any]]:
    """Samplers that cost the same whatever the number of ranks: measured for the first one only."""
    items, world = len(weights), int(case["world"])
    peers: dict[str, Callable[[], Any]] = {}
    torchs = torch_distributed(items, world, RANK)
    peers[TORCH] = lambda: torchs
    shards = ShardSampler(weights, world, RANK)
    peers[SHARDS] = lambda: shards
    try:
        if items > TORCH_LIMIT:
            raise Unavailable("torch.multinomial refuses more than 2^24 categories")
        wrapped = lightning_wrapper(weights, world, RANK)
        peers[LIGHTNING] = lambda: wrapped
    except Unavailable as error:
        for group in ("ranks-first-batch", "ranks-epoch"):
            session.skip(group, case, LIGHTNING, "ms/pass", str(error))
    if items > session.settings.rank_peer_items:
        for group, name in itertools.product(("ranks-first-batch", "ranks-epoch"), (TORCH, SHARDS)):
            session.skip(group, case, name, "ms/pass", "minutes and tens of gigabytes for one pass")
        return {}
    return peers


def _calls(samplers: dict[str, Callable[[], Iterable[int]]], limit: int | None) -> list[Call]:
    """One pass each, up to ``limit`` indices."""

    def drain(make: Callable[[], Iterable[int]]) -> None:
        for _ in itertools.islice(make(), limit):
            pass

    return [Call(name, lambda make=make: drain(make), 1) for name, make in samplers.items()]


def run_memory(session: Session) -> None:
    """Peak memory of one rank's epoch over what stood before it, each in a process of its own."""
    items, world = max(session.settings.loop_items), 8
    for library in ("pysampler-ranks", "torch-ranks"):
        case: Case = {"items": items, "world": world}
        if not session.begin("ranks-memory", case, 100 * items):
            continue
        name = WEIGHTED if library == "pysampler-ranks" else TORCH
        try:
            seen = watch_pass(library, items, items)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
            session.skip("ranks-memory", case, name, "MB", f"the watched process failed: {error}")
            continue
        how = "resident memory while rank 3 of 8 is drained, over what stood before it"
        session.add("ranks-memory", case, name, "MB", rounds=[seen["peak_mb"]], how=how)


def run_fairness(session: Session) -> None:
    """How often an item with 0.9 of all the weight is drawn, over all ranks together."""
    items, world = 10_000, 8
    case: Case = {"items": items, "world": world}
    if not session.begin("ranks-fairness", case):
        return
    weights = torch.full((items,), 0.1 / (items - 1), dtype=torch.float64)
    weights[0] = 0.9
    table = pysampler.AliasTable(weights)
    contenders: dict[str, Callable[[int], Iterator[int]]] = {
        WEIGHTED: lambda rank: iter(pysampler.DistributedWeightedSampler(table, None, world, rank)),
        SHARDS: lambda rank: iter(ShardSampler(weights, world, rank)),
    }
    for name, part in contenders.items():
        torch.manual_seed(0)
        drawn = torch.tensor([index for rank in range(world) for index in part(rank)])
        share = 100 * (drawn == 0).double().mean().item()
        session.add("ranks-fairness", case, name, "%", rounds=[share], how="share of draws; its weight is 90 %")
