"""Real processes that form one gloo group and call functions together: ranks, for tests of frameworks."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from typing_extensions import Self

PATIENCE_SECONDS = 120


class RankProcesses:
    """A group that stays, so that a slow import is paid once for many calls. Use it in a ``with`` block.

    Functions are sent by name: they must stand at the top of a module. ``world`` is the number of ranks.
    """

    def __init__(self, world: int = 2) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._calls = 0
        context = multiprocessing.get_context("spawn")
        pipes = [context.Pipe() for _ in range(world)]
        self._ends = [mine for mine, _ in pipes]
        store = str(Path(self._folder.name) / "store")
        self._processes = [
            context.Process(target=_serve, args=(rank, world, store, theirs), daemon=False)
            for rank, (_, theirs) in enumerate(pipes)
        ]
        for process in self._processes:
            process.start()
        for _, theirs in pipes:
            theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.join(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with the workers of its loaders
            process.join()
        self._folder.cleanup()

    def call(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Calls ``function`` on all ranks at once and returns their results in the order of ranks."""
        self._calls += 1
        for end in self._ends:
            end.send((self._calls, function, arguments))
        deadline = time.monotonic() + PATIENCE_SECONDS
        answers = []
        for rank, end in enumerate(self._ends):
            number, answer = 0, None
            while number != self._calls:  # those of a call that was given up come late
                if not end.poll(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(
                        f"rank {rank} gave no answer to {function.__name__} in {PATIENCE_SECONDS} seconds"
                    )
                number, *answer = end.recv()
            answers.append(answer)
        for rank, (_, error) in enumerate(answers):
            assert error is None, f"on rank {rank}: {error}"
        return [result for result, _ in answers]


def _serve(rank: int, world: int, store: str, end: Connection) -> None:
    """Answers calls until the other end is closed."""
    os.setpgrp()
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # workers of loaders, as usual; a spawned process would spawn
    ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world, "MASTER_PORT": 29500}
    os.environ.update({name: str(value) for name, value in ranks.items()})  # the port is for show: a file is the store
    os.environ.update({"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"})
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    while True:
        try:
            number, function, arguments = end.recv()
        except EOFError:
            break
        try:
            end.send((number, function(*arguments), None))
        except BaseException:
            end.send((number, None, traceback.format_exc()))
    torch.distributed.destroy_process_group()
    os._exit(0)  # tearing down an interpreter full of frameworks takes seconds
