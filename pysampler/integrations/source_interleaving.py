"""Items of several sources in a mixture's order: what `interleave` and the node for torchdata share."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pysampler import _core
from pysampler.integrations.source_readers import PassEnded, SourceReader
from pysampler.keys import seed_key
from pysampler.sources.handed_out import HandedOut
from pysampler.sources.mixture import Mixture
from pysampler.sources.mixture_order import MAX_POSITION, counts_before, numbered_order, source_order

Stop = Literal["first", "all", "once"]

_FIRST_LOOK, _MOST_LOOK = 16, 4096  # positions looked up together: few at first, so that the first item comes soon
_VERSION = 1


class Interleaving:
    """One shard's way through a mixture of sources that are read one item after another.

    Shard s of S takes positions s, s + S, ... of the stream. Each says which source gives the item.

    Args:
        sources: One for each source of the mixture, in its order.
        mixture: Says the order; stages set by ``at`` while it runs count from the next item on.
        seed: Of the order.
        shard: In [0, shards).
        shards: How many share the stream.
        shared: Whether each shard's sources give the items of all shards, to take its own from; else only its own.
        stop: When it ends: "first": as soon as a source has none left when asked. "all": once each has ended, until
            when those that end begin again. "once": the same, but those that end are left out. None: never.
    """

    def __init__(
        self,
        sources: Sequence[SourceReader],
        mixture: Mixture,
        seed: int,
        shard: int,
        shards: int,
        shared: bool,
        stop: Stop | None,
    ) -> None:
        self.mixture = mixture
        self.sources = sources
        self.shard, self.shards = shard, shards
        self._seed, self._shared, self._stop = seed_key(seed), shared, stop
        self.epoch = 0
        self.restart(0)

    def restart(self, epoch: int) -> None:
        """Begins all sources and the stream of an epoch anew."""
        if epoch != self.epoch:
            self.mixture.resumed(0)  # positions begin anew, and so do the stages given for them
        self.epoch = epoch
        self._begun = 0
        self._taken = _core.HandedOut()  # positions passed, which Mixture.at asks for
        self._ended = {source.name: False for source in self.sources}
        self._look: list[tuple[int, int]] = []  # the next places, the first one last
        self._stages: Any = None
        for source in self.sources:
            source.restart()

    @property
    def position(self) -> int:
        """The position of the stream that all shards have reached when each has taken as many as this one."""
        return self._begun + self._taken.count * self.shards

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ended = self._ended.values()
        return all(ended) if self._stop in ("all", "once") else self._stop == "first" and any(ended)

    def read(self) -> Any:
        """Returns the next item of this shard. StopIteration if there is none."""
        while not self.over:
            number, occurrence = self._next_place()
            source = self.sources[number]
            if self._stop == "once" and self._ended[source.name]:
                self._passed()
                continue
            try:
                while self._shared and source.read_in_all < occurrence:
                    source.read()
                item = source.read()
            except PassEnded:
                self._ended[source.name] = True
                if not self.over and self._stop != "once":
                    source.begin_again()
                continue
            self._passed()
            return item
        raise StopIteration

    def state(self) -> dict[str, Any]:
        """Returns where it stands, as a dict; with shared sources, that of any shard is good for all."""
        return {
            "version": _VERSION,
            "kind": "interleave",
            "mixture": self.mixture.fingerprint,
            "stages": self.mixture.state(),
            "seed": self._seed,
            "epoch": self.epoch,
            "position": self.position,
            "shared": self._shared,
            "shard": self.shard,
            "shards": self.shards,
            "ended": dict(self._ended),
            "sources": {source.name: source.state() for source in self.sources},
        }

    def load(self, state: Any) -> None:
        """Goes on from ``state``.

        Raises:
            TypeError: Not a dict.
            ValueError: The state of something else, or of another shard where sources are not shared.
        """
        self._check(state)
        self.mixture.load_state(state["stages"])
        self.restart(state["epoch"])
        self._begun = state["position"]
        self.mixture.resumed(self._begun)
        self._ended = dict(state["ended"])
        for source in self.sources:
            source.load(state["sources"][source.name])

    def _next_place(self) -> tuple[int, int]:
        """The source whose turn it is, and, if sources are shared, how many items it has given before."""
        if self.mixture._stages is not self._stages:  # also before the first
            self._stages, self._look, self._length = self.mixture._stages, [], _FIRST_LOOK
            self._before: NDArray[np.int64] | None = None
        if not self._look:
            self._look_ahead()
        return self._look[-1]

    def _passed(self) -> None:
        if self._taken.count == 0:  # from now on, stages before what is handed out here are refused
            first = self.position + self.shard
            self.mixture.begun(HandedOut(first, self.shards, MAX_POSITION, self._taken, weakref.ref(self)))
        self._look.pop()
        self._taken.add(1)

    def _look_ahead(self) -> None:
        key = (self._seed + self.epoch) % 2**64
        if not self._shared:
            sources = source_order(self.mixture, self._length, key, self.position + self.shard, self.shards)
            self._look = [(number, 0) for number in reversed(sources.tolist())]
        else:
            if self._before is None:
                self._before = counts_before(self.mixture, self.position, key)
            span = self._length * self.shards
            sources, numbers = numbered_order(self.mixture, span, key, self.position, self._before)
            own = slice(self.shard, None, self.shards)
            self._look = list(zip(sources[own].tolist(), numbers[own].tolist(), strict=True))[::-1]
        self._length = min(2 * self._length, _MOST_LOOK)

    def _check(self, state: Any) -> None:
        if not isinstance(state, Mapping):
            raise TypeError(f"a state must be a dict, but got {type(state).__name__}")
        if state.get("kind") != "interleave" or state.get("version") != _VERSION:
            raise ValueError(
                f"this is no state of interleaved sources of version {_VERSION}: it has kind "
                f"{state.get('kind')!r} and version {state.get('version')!r}"
            )
        mine = {"mixture": self.mixture.fingerprint, "seed": self._seed, "shared": self._shared}
        for name, here in mine.items():
            if state[name] != here:
                raise ValueError(f"the state is of something else: {name} is {state[name]} in it but {here} here")
        names = {source.name for source in self.sources}
        if set(state["sources"]) != names:
            raise ValueError(f"the state has the sources {sorted(state['sources'])}, but here are {sorted(names)}")
        if not self._shared and (state["shard"], state["shards"]) != (self.shard, self.shards):
            raise ValueError(
                f"the state is of shard {state['shard']} of {state['shards']}, but this is {self.shard} of "
                f"{self.shards}, and each shard reads items of its own: resume on as many ranks and workers, each "
                "with its own state, or let all read the same sources (shared=True), so that any number can go on"
            )
