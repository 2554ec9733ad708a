"""Coverage of all ranks of a ``torch.distributed`` group, put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from pysampler.coverage.marks import MOST_COUNTED, Counts, Words
from pysampler.coverage.state import CoverageState

_CHUNK = 2**22  # entries that travel together


def marks_of_all_ranks(state: CoverageState, group: Any = None) -> CoverageState:
    """Returns what all ranks have seen: bitmaps united, counts added up to 65535, draws added up.

    A collective call. ``state``'s arrays are overwritten. Without an initialised process group, ``state`` itself.

    Raises:
        ValueError: The states do not fit together; on all ranks alike.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return state
    device = _device(group)
    draws = _agree(state, group, device)
    for words in (state.seen, state.seen_this_epoch):
        if words is not None:
            _unite(words, group, device)
    if state.counts is not None:
        _add_up(state.counts, group, device)
    return CoverageState(
        num_items=state.num_items,
        epoch=state.epoch,
        draws=draws[0],
        draws_this_epoch=draws[1],
        seen=state.seen,
        seen_this_epoch=state.seen_this_epoch,
        counts=state.counts,
    )


def _device(group: Any) -> torch.device:
    """Where a group's tensors have to be: on the CPU, unless its backend knows GPUs only."""
    backends = str(dist.get_backend_config(group))
    return torch.device("cpu" if "cpu:" in backends else "cuda")


def _agree(state: CoverageState, group: Any, device: torch.device) -> tuple[int, int]:
    """Makes sure that the ranks' states fit together. Returns the sums of draws and draws_this_epoch."""
    own = [
        state.num_items,
        state.epoch,
        int(state.seen_this_epoch is not None),
        int(state.counts is not None),
        state.draws,
        state.draws_this_epoch,
    ]
    mine = torch.tensor(own, dtype=torch.int64, device=device)
    rows = [torch.empty_like(mine) for _ in range(dist.get_world_size(group))]
    dist.all_gather(rows, mine, group=group)
    table = torch.stack(rows).tolist()
    for column, name in enumerate(("num_items", "the current epoch", "epochs=", "counts=")):
        values = [row[column] for row in table]
        if len(set(values)) > 1:
            raise ValueError(f"the trackers of all ranks must have the same {name}, but by rank they are {values}")
    return sum(row[4] for row in table), sum(row[5] for row in table)


def _unite(words: Words, group: Any, device: torch.device) -> None:
    """Unites bitmaps in place: bitwise where the backend can (gloo, MPI), else by gathering a piece of each."""
    bitwise = dist.get_backend(group) in ("gloo", "mpi")
    for first in range(0, len(words), _CHUNK):
        part = torch.from_numpy(words[first : first + _CHUNK].view(np.int64))
        if bitwise:
            dist.all_reduce(part, dist.ReduceOp.BOR, group=group)
            continue
        mine = part.to(device)
        parts = [torch.empty_like(mine) for _ in range(dist.get_world_size(group))]
        dist.all_gather(parts, mine, group=group)
        for other in parts:
            mine |= other
        part.copy_(mine)


def _add_up(counts: Counts, group: Any, device: torch.device) -> None:
    """Adds up counts in place. Those that had stopped stay where they are: each is at most the sum."""
    for first in range(0, len(counts), _CHUNK):
        part = counts[first : first + _CHUNK]
        sums = torch.from_numpy(part.astype(np.int32)).to(device)
        dist.all_reduce(sums, group=group)
        part[:] = np.minimum(sums.cpu().numpy(), MOST_COUNTED)
