"""Agreement of all ranks on where new shares of a mixture begin."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import torch.distributed


class Proposal(NamedTuple):
    """What a rank brings.

    Attributes:
        window: The first window of which it has handed out nothing.
        digest: Of the mixture, its stages and the new shares, which must be the same on all ranks.
        error: What is wrong with the shares here; None if nothing is.
    """

    window: int
    digest: str
    error: str | None


def agreed_window(mine: Proposal, group: Any = None) -> int:
    """Returns the largest of the ranks' windows, by one collective call on every rank; without a group, one's own.

    Raises:
        ValueError: On all ranks alike: shares are wrong on some, or not the same on all.
        RuntimeError: There is no process group, but WORLD_SIZE says that there are several processes.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        world = os.environ.get("WORLD_SIZE", "1")
        if world != "1":
            raise RuntimeError(
                f"WORLD_SIZE is {world}, but there is no process group to agree in: call "
                "torch.distributed.init_process_group() first"
            )
        everywhere = [mine]
    else:
        gathered: list[Any] = [None] * torch.distributed.get_world_size(group)
        torch.distributed.all_gather_object(gathered, tuple(mine), group=group)
        everywhere = [Proposal(*proposal) for proposal in gathered]
    for rank, proposal in enumerate(everywhere):
        if proposal.error is not None:
            raise ValueError(f"on rank {rank}: {proposal.error}")
    differing = [str(rank) for rank, proposal in enumerate(everywhere) if proposal.digest != everywhere[0].digest]
    if differing:
        raise ValueError(
            f"ranks {', '.join(differing)} have other sources, stages or new shares than rank 0: average what shares "
            "are computed from over the ranks first, and have all of them set the same stages"
        )
    return max(proposal.window for proposal in everywhere)
