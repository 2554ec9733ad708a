"""Ranks: which positions of an epoch are this process's."""

from __future__ import annotations

import os
import warnings

import torch.distributed

from pysampler.inputs.numbers import whole_number

# Set by MPI and Slurm for several tasks; SLURM_NTASKS is set in scripts of one process too.
_TASKS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
_warned = False


class Ranks:
    """Rank and world size as given, or else those of torch.distributed when they are first needed.

    Args:
        world: num_replicas as given, or None.
        rank: As given, or None.

    Raises:
        ValueError: Out of range.
        TypeError: No integers.
    """

    def __init__(self, world: int | None, rank: int | None) -> None:
        self._world = None if world is None else whole_number(world, "num_replicas", 1)
        self._rank = None if rank is None else whole_number(rank, "rank", -(2**63))
        self._found: tuple[int, int] | None = None
        if self._rank is not None and (self._world is not None or self._rank < 0):
            _check_rank(self._rank, self._world)

    def resolve(self) -> tuple[int, int]:
        """Returns (rank, world).

        Raises:
            RuntimeError: No process group although the environment or num_replicas says that there are several
                processes, and rank is not given.
            ValueError: A given rank that lies outside the world.
        """
        if self._found is not None:
            return self._found
        final = True
        world, rank = self._world, self._rank
        if world is None or rank is None:
            final = torch.distributed.is_available() and torch.distributed.is_initialized()
            group_rank, group_world = _process_group() if final else _alone()
            if not final and world is not None and world > 1:
                raise RuntimeError(
                    f"num_replicas is {world}, but there is no process group to tell which rank this is: give rank as "
                    "well, or call torch.distributed.init_process_group() before the sampler is used"
                )
            world = group_world if world is None else world
            rank = group_rank if rank is None else rank
            _check_rank(rank, world)
        if final:  # a group may yet come into being
            self._found = rank, world
        return rank, world

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_found": None}


def _process_group() -> tuple[int, int]:
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def _alone() -> tuple[int, int]:
    world = os.environ.get("WORLD_SIZE") or "1"
    if world != "1":
        raise RuntimeError(
            f"WORLD_SIZE is {world}, but there is no process group to tell which rank this is: call "
            "torch.distributed.init_process_group() before the sampler is used, or give num_replicas and rank"
        )
    _warn_of_other_tasks()
    return 0, 1


def _warn_of_other_tasks() -> None:
    """Warns once if a launcher that sets no WORLD_SIZE has started several processes: each would draw all."""
    global _warned  # noqa: PLW0603 - once in a process
    said = [(name, os.environ.get(name, "")) for name in _TASKS]
    several = [(name, tasks) for name, tasks in said if tasks.isdecimal() and int(tasks) > 1]
    if several and not _warned:
        _warned = True
        name, tasks = several[0]
        warnings.warn(
            f"{name} is {tasks}, but there is no process group, so this sampler takes itself for rank 0 of 1 and every "
            "process draws the same: call torch.distributed.init_process_group() first, or give num_replicas and rank",
            stacklevel=2,
        )


def _check_rank(rank: int, world: int | None) -> None:
    """Raises ValueError in torch's words if there is no such rank in the world, if that is known."""
    if rank < 0 or (world is not None and rank >= world):
        last = "num_replicas - 1" if world is None else world - 1
        raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {last}]")
