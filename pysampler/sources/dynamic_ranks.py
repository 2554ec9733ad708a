"""Updates of one dynamic table by many ranks: gathered, so that each makes the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class RankBatch:
    """What one rank gives: int64 indices and as many weights; or why it cannot give any."""

    indices: torch.Tensor
    weights: torch.Tensor
    error: str | None = None


def gathered(batch: RankBatch, fingerprint: str, group: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the batches of all ranks one after another, rank 0's first: the same on every rank.

    A collective call of two gatherings, of 40 bytes and of 16 bytes for each weight of the largest batch.

    Args:
        batch: This rank's; may be empty.
        fingerprint: Of its table before the update, 32 hexadecimal digits.
        group: The process group; by default that of all.

    Raises:
        ValueError: On all ranks alike: one of them cannot give a batch, or tables differ already.
    """
    device = _device(group)
    size, mine = dist.get_world_size(group), _words(fingerprint)
    header = torch.tensor(
        [batch.indices.numel(), batch.error is not None, batch.weights.dtype == torch.float64, *mine],
        dtype=torch.int64,
        device=device,
    )
    headers = [torch.empty_like(header) for _ in range(size)]
    dist.all_gather(headers, header, group=group)
    rows = torch.stack(headers).tolist()
    if any(row[1] for row in rows):
        _raise_together(batch.error, size, group)
    differing = [str(rank) for rank, row in enumerate(rows) if row[2:] != rows[0][2:]]
    if differing:
        raise ValueError(
            f"the tables of ranks {', '.join(differing)} differ from rank 0's before this update, which would not make "
            "them the same: load one state on all ranks. Nothing was changed"
        )
    counts = [row[0] for row in rows]
    most = max(counts)
    if most == 0:
        return batch.indices, batch.weights
    room = torch.zeros(2, most, dtype=torch.int64, device="cpu")
    room[0, : counts[dist.get_rank(group)]] = batch.indices
    room[1, : counts[dist.get_rank(group)]] = batch.weights.to(torch.float64).view(torch.int64)
    room = room.to(device)
    rooms = [torch.empty_like(room) for _ in range(size)]
    dist.all_gather(rooms, room, group=group)
    whole = torch.cat([part[:, :count] for part, count in zip(rooms, counts, strict=True)], dim=1).cpu()
    return whole[0].contiguous(), whole[1].contiguous().view(torch.float64).to(batch.weights.dtype)


def _raise_together(error: str | None, size: int, group: Any) -> None:
    errors: list[str | None] = [None] * size
    dist.all_gather_object(errors, error, group=group)
    said = "; ".join(f"rank {rank}: {each}" for rank, each in enumerate(errors) if each is not None)
    raise ValueError(f"{said}. Nothing was changed on any rank")


def _words(fingerprint: str) -> list[int]:
    """Two signed 64-bit numbers of the same bits."""
    halves = (int(fingerprint[:16], 16), int(fingerprint[16:], 16))
    return [half - 2**64 if half >= 2**63 else half for half in halves]


def _device(group: Any) -> torch.device:
    """Where a group's tensors have to be: on the CPU, unless its backend knows GPUs only."""
    backends = str(dist.get_backend_config(group))
    return torch.device("cpu" if "cpu:" in backends else "cuda")
