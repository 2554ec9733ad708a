"""Sources that can only be iterated over, in a mixture's order: streams, WebDataset, Hugging Face's IterableDataset.

Of map-style data, sample the indices instead: ``Mixture(datasets)`` in any sampler is random access, and needs none of
this. Where there are only streams, the mixture says whose turn it is::

    mixture = Mixture([1, 1], {"web": 0.8, "code": 0.2}, names=["web", "code"])  # of streams, sizes say nothing
    stream = interleave({"web": web, "code": code}, mixture, seed=0)
    loader = StatefulDataLoader(stream, batch_size=32)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from pysampler.inputs.numbers import whole_number
from pysampler.inputs.shown import shown
from pysampler.integrations.source_interleaving import Interleaving, Stop
from pysampler.integrations.source_readers import MOST_LISTED, IterableReader, SourceReader
from pysampler.samplers.ranks import Ranks
from pysampler.sources.mixture import Mixture


class Interleaved(IterableDataset[Any]):
    """Items of several iterables in a mixture's order: made by ``interleave``, which see.

    ``iter`` goes on where the last one stopped: the stream is one. With ``num_samples`` it ends after each so many.
    """

    def __init__(
        self,
        iterables: Mapping[str, Any] | Sequence[Any],
        mixture: Mixture,
        seed: int,
        num_samples: int | None,
        stop: Stop | None,
        num_replicas: int | None,
        rank: int | None,
        shared: bool,
    ) -> None:
        if not isinstance(mixture, Mixture):
            raise TypeError(f"the order comes from a Mixture, but got {type(mixture).__name__}")
        if stop not in (None, "first", "all", "once"):
            raise ValueError(f"stop must be 'first', 'all', 'once' or None, but got {shown(stop)}")
        self.mixture = mixture
        self.num_samples = None if num_samples is None else whole_number(num_samples, "num_samples", 1, 2**62)
        self._iterables = in_order(iterables, mixture)
        self._seed, self._stop, self._shared = seed, stop, shared
        self._rank, self._world = Ranks(num_replicas, rank).resolve()
        if self._world > 1 and stop is not None:
            raise ValueError(
                f"{self._world} ranks would not end together with stop={stop!r}, as each sees its own sources end: "
                f"give num_samples, such as mixture.draws_until({'first' if stop == 'first' else 'all'!r}, seed=...)"
            )
        self._running: Interleaving | None = None
        self._loaded: Any = None

    def __iter__(self) -> Iterator[Any]:
        """Yields this rank's items; in a worker process, that worker's part of them."""
        running = self._started()
        if running.over:
            running.restart(running.epoch + 1)
        end = 2**62
        if self.num_samples is not None:
            if self.num_samples % running.shards != 0:
                raise ValueError(
                    f"num_samples must be a multiple of ranks times workers, {running.shards}, so that all end "
                    f"together, but is {self.num_samples}"
                )
            end = (running.position // self.num_samples + 1) * self.num_samples
        while running.position < end:
            try:
                item = running.read()
            except StopIteration:
                return
            yield item

    def state_dict(self) -> dict[str, Any]:
        """Returns where the stream stands after what was yielded, and where each source does."""
        return self._started().state()

    def load_state_dict(self, state: Any) -> None:
        """Goes on from ``state`` at the next ``iter``.

        Raises:
            TypeError: Not a dict.
            ValueError: A state of other sources, shares or seed; without ``shared``, of another rank or worker.
        """
        self._started().load(state)

    def _started(self) -> Interleaving:
        """What is read from in this process: a worker's copy becomes its own shard."""
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        shard, shards = self._rank + self._world * number, self._world * workers
        if self._running is None or (self._running.shard, self._running.shards) != (shard, shards):
            readers = [
                SourceReader(name, IterableReader(iterable))
                for name, iterable in zip(self.mixture.names, self._iterables, strict=True)
            ]
            self._running = Interleaving(readers, self.mixture, self._seed, shard, shards, self._shared, self._stop)
        return self._running

    def __repr__(self) -> str:
        return f"Interleaved({self.mixture!r}, rank {self._rank} of {self._world})"


def interleave(
    iterables: Mapping[str, Any] | Sequence[Any],
    mixture: Mixture,
    *,
    seed: int = 0,
    num_samples: int | None = None,
    stop: Stop | None = None,
    num_replicas: int | None = None,
    rank: int | None = None,
    shared: bool = False,
) -> Interleaved:
    """Returns a torch IterableDataset of the sources' items, whose order is the mixture's.

    The mixture says which source comes next; each source says which item. A source that ends begins again (after
    ``set_epoch(pass)`` if it has such a method). Shares hold as ``Mixture`` promises: in every window, over all ranks.

    Args:
        iterables: One for each source: a dict by the mixture's names, or in its order. What has ``state_dict`` and
            ``load_state_dict``, it or its iterator, is resumed by them; else a resumed run reads again what the
            running pass has given, and drops it.
        mixture: Its sizes matter to ``mixture.draws_until`` only.
        seed: Of the order; the same on every rank.
        num_samples: After how many items over all ranks an ``iter`` ends; the next one goes on from there. A multiple
            of the ranks, times the workers if there are any.
        stop: On one rank: "first" ends when a source has ended and is asked for more; "all" once each has; "once" the
            same, but those that have ended are left out. The next ``iter`` is another epoch: all begin again, in
            another order. By default it never ends.
        num_replicas: Number of ranks; by default torch.distributed's.
        rank: This process's; by default torch.distributed's.
        shared: Whether all ranks are given the same streams, of which each takes its own items and drops the others'.
            Then every item goes to one rank exactly, and any rank's state may be loaded on any number of ranks and
            workers that have taken equally many. Reading is paid by all of them, so let the streams be cheap
            (indices, names of files), and load what was chosen afterwards. Without, each rank brings items of its own
            (as ``split_by_node`` leaves it), and has a state of its own.

    Workers of a DataLoader act as more ranks: worker w of rank r is rank r + num_replicas * w.

    Cost: about a microsecond an item; with ``shared``, as many times 30 ns as there are ranks.

    Raises:
        ValueError: Not one iterable for each source; several ranks and ``stop``; a source without items.
        TypeError: No mixture.

    Example:
        >>> mixture = Mixture([4, 3], [2, 1], window=3)
        >>> sorted(item for item, _ in zip(interleave(["abcd", "xyz"], mixture), range(6)))
        ['a', 'b', 'c', 'd', 'x', 'y']
    """
    return Interleaved(iterables, mixture, seed, num_samples, stop, num_replicas, rank, shared)


def in_order(sources: Mapping[str, Any] | Sequence[Any], mixture: Mixture) -> list[Any]:
    """Returns the sources in the mixture's order. ValueError unless there is one for each."""
    if isinstance(sources, Mapping):
        if set(sources) != set(mixture.names):
            unknown = sorted(set(map(str, sources)) ^ set(mixture.names))[:MOST_LISTED]
            raise ValueError(f"there must be a source for each name of the mixture, but {unknown} are in one only")
        return [sources[name] for name in mixture.names]
    given = list(sources)
    if len(given) != len(mixture.names):
        raise ValueError(f"there must be an iterable for each of {len(mixture.names)} sources, but got {len(given)}")
    return given
