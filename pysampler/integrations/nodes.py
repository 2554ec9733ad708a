"""torchdata.nodes: several nodes in a mixture's order, in the place of MultiNodeWeightedSampler.

::

    node = MultiNodeMixture({"web": web, "code": code}, {"web": 0.8, "code": 0.2}, seed=0)

What changes: shares hold in every window and over all ranks, not only on average; and with ``shared=True`` the state
is good for any number of ranks, for which the sources ought to be cheap, so choose first and load afterwards::

    web = nodes.SamplerWrapper(ShuffleSampler(len(web_pages), seed=1))  # indices, the same on every rank
    node = MultiNodeMixture({"web": web, ...}, shares, shared=True)
    node = nodes.ParallelMapper(node, load, num_workers=4)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torchdata.nodes.base_node import BaseNode

from pysampler.inputs.shown import shown
from pysampler.integrations.interleave import in_order
from pysampler.integrations.source_interleaving import Interleaving, Stop
from pysampler.integrations.source_readers import SourceReader
from pysampler.samplers.ranks import Ranks
from pysampler.sources.mixture import Mixture

_STOPS: dict[str, Stop | None] = {
    "CYCLE_UNTIL_ALL_DATASETS_EXHAUSTED": "all",
    "ALL_DATASETS_EXHAUSTED": "once",
    "FIRST_DATASET_EXHAUSTED": "first",
    "CYCLE_FOREVER": None,
}


class MultiNodeMixture(BaseNode):
    """Items of several nodes in a mixture's order, with the arguments of torchdata's MultiNodeWeightedSampler.

    Args:
        source_nodes: A node for each name.
        weights: A positive number for each name; or a ``Mixture`` with these names, whose shares may change by stages.
        stop_criteria: Torchdata's words. Each rank sees its own nodes end, so ranks may end some items apart, as in
            torchdata; "CYCLE_FOREVER" and a number of steps end together.
        rank: By default torch.distributed's.
        world_size: By default torch.distributed's.
        seed: Of the order, the same on every rank. Epoch e, after e resets, has that of seed + e.
        shared: See ``interleave``: every rank is given the same nodes, and any rank's state may be loaded on any
            number of ranks.
        window: In how many successive items, over all ranks, the shares hold; if weights are numbers.

    Raises:
        ValueError: Names that differ, weights that are not positive numbers, an unknown stop criterion. On loading: a
            state of other sources, weights or seed, or without ``shared`` of another rank.
    """

    def __init__(
        self,
        source_nodes: Mapping[str, Any],
        weights: Mapping[str, float] | Mixture,
        stop_criteria: str = "CYCLE_UNTIL_ALL_DATASETS_EXHAUSTED",
        rank: int | None = None,
        world_size: int | None = None,
        seed: int = 0,
        *,
        shared: bool = False,
        window: int = 256,
    ) -> None:
        super().__init__()
        if stop_criteria not in _STOPS:
            raise ValueError(f"stop_criteria must be one of {', '.join(_STOPS)}, but got {shown(stop_criteria)}")
        if not isinstance(weights, Mixture):
            names = list(source_nodes)
            weights = Mixture([1] * len(names), weights, window=window, names=names)
        self.mixture = weights
        readers = [
            SourceReader(name, _NodeReader(node))
            for name, node in zip(weights.names, in_order(source_nodes, weights), strict=True)
        ]
        number, world = Ranks(world_size, rank).resolve()
        self._running = Interleaving(readers, weights, seed, number, world, shared, _STOPS[stop_criteria])
        self._started = False

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Begins the next epoch, or goes on from a state."""
        super().reset(initial_state)
        if initial_state is not None:
            self._running.load(initial_state)
        else:
            self._running.restart(self._running.epoch + self._started)
        self._started = False

    def next(self) -> Any:
        """Returns the next item."""
        self._started = True
        return self._running.read()

    def get_state(self) -> dict[str, Any]:
        """Returns where the order and each source stand."""
        return self._running.state()


class _NodeReader:
    """Reads a torchdata node: a pass is a ``reset``."""

    def __init__(self, node: Any) -> None:
        self._node = node

    def begin(self, number: int) -> None:
        """Begins a pass; nodes number theirs themselves."""
        self._node.reset()

    def resume(self, number: int, state: Any) -> None:
        """Goes on from a state."""
        self._node.reset(state)

    def read(self) -> Any:
        """Returns the next item."""
        return next(self._node)

    def state(self) -> Any:
        """Returns the node's state."""
        return self._node.state_dict()
