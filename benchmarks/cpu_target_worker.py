"""A process that runs one CPU target's kernels and times what it is told to. Speaks JSON lines.

The target is fixed at load time by PYSAMPLER_CPU_TARGET, so targets are compared across processes;
the parent tells them in turn to run, which interleaves them. Request: {"task": "draw" | "build",
"items", "draws", "threads", "loops"}; answer: {"ns"}. The first line names the target that runs.
"""

from __future__ import annotations

import functools
import json
import sys
from typing import Any

import torch

import pysampler

from .peers import PYSAMPLER, Problem
from .timing import Call
from .weight_families import make_weights


@functools.lru_cache(maxsize=1)
def weights_of(items: int) -> torch.Tensor:
    """The standard weights, kept from one request to the next."""
    return torch.from_numpy(make_weights(items))


@functools.lru_cache(maxsize=1)
def drawer(items: int, draws: int) -> Call:
    """A standing table to draw from, kept from one request to the next."""
    draw = PYSAMPLER.prepare(Problem(weights_of(items).numpy(), draws))
    return Call("", lambda: draw(draws), draws)


def answer(request: dict[str, Any]) -> int:
    """Nanoseconds that the requested loops took."""
    torch.set_num_threads(request["threads"])
    items = request["items"]
    if request["task"] == "build":
        weights = weights_of(items)
        return Call("", lambda: pysampler.AliasTable(weights), items).block_ns(request["loops"])
    return drawer(items, request["draws"]).block_ns(request["loops"])


def main() -> None:
    """Answers requests until the parent closes the pipe."""
    print(json.dumps({"target": pysampler.cpu_target()}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"ns": answer(json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
