"""Real processes that form a torch.distributed group."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

PATIENCE_SECONDS = 100


def on_ranks(world: int, function: Callable[[int], Any]) -> list[Any]:
    """Calls function(rank) in ``world`` forked processes of a gloo group. Returns the results in order of rank."""
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        meeting_place = f"file://{Path(folder) / 'store'}"

        def work(rank: int, sender: Any) -> None:
            torch.set_num_threads(1)  # torch's own threads do not survive a fork
            try:
                dist.init_process_group("gloo", init_method=meeting_place, rank=rank, world_size=world)
                sender.send((function(rank), None))
                dist.destroy_process_group()
            except BaseException as error:
                sender.send((None, repr(error)))

        pipes = [context.Pipe(duplex=False) for _ in range(world)]
        children = [context.Process(target=work, args=(rank, sender)) for rank, (_, sender) in enumerate(pipes)]
        try:
            for child in children:
                child.start()
            results = []
            for rank, (receiver, _) in enumerate(pipes):
                assert receiver.poll(PATIENCE_SECONDS), f"rank {rank} did not answer"
                result, error = receiver.recv()
                assert error is None, f"rank {rank}: {error}"
                results.append(result)
            for child in children:
                child.join(PATIENCE_SECONDS)
        finally:
            for child in children:
                if child.pid is not None:
                    child.kill()
                    child.join()
    return results
