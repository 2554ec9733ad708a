"""Mixtures of sources as libraries offer them, each from standing data to an iterator over a run.

A peer is a function (sources, draws, folder) that prepares the data and returns a function which builds the mixture and
returns its iterator: what is timed. Libraries are imported here only when asked for.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .shim import load_shim
from .timing import Unavailable

WINDOW = 256
FEW_ROWS = 1000  # of the data sets that must be written to disk: they repeat them themselves

Build = Callable[[], Iterator[Any]]


def shares_of(sources: int) -> npt.NDArray[np.float64]:
    """Returns shares that fall with the root of the source's number, summing to 1."""
    shares = 1 / np.sqrt(np.arange(1.0, sources + 1))
    return np.asarray(shares / shares.sum())


def sizes_of(sources: int, draws: int) -> list[int]:
    """Returns sizes of which a run of ``draws`` sees about one pass each."""
    return [int(size) for size in np.ceil(shares_of(sources) * draws) + 2]


def ours(sources: int, draws: int, folder: Path) -> Build:
    """A sampler over a Mixture."""
    pysampler: Any = importlib.import_module("pysampler")
    sizes, shares = sizes_of(sources, draws), shares_of(sources).tolist()

    def build() -> Iterator[Any]:
        mixture = pysampler.Mixture(sizes, shares, window=WINDOW)
        return iter(pysampler.WeightedRandomSampler(mixture, draws, seed=0))

    return build


def greedy(sources: int, draws: int, folder: Path) -> Build:
    """Index arrays, built greedily in C++."""
    function = load_shim("mixture_greedy.cpp").mixture_greedy
    shares = shares_of(sources)

    def build() -> Iterator[Any]:
        arrays = np.empty(draws, np.int16), np.empty(draws, np.int64)
        greedy_arrays(function, shares, *arrays)
        return zip(*arrays, strict=True)

    return build


def greedy_arrays(
    function: Any, shares: npt.NDArray[np.float64], source: npt.NDArray[np.int16], number: npt.NDArray[np.int64]
) -> None:
    """Fills two index arrays by mixture_greedy.cpp."""
    function(
        ctypes.c_void_p(shares.ctypes.data),
        ctypes.c_int64(len(shares)),
        ctypes.c_int64(len(source)),
        ctypes.c_void_p(source.ctypes.data),
        ctypes.c_void_p(number.ctypes.data),
    )


def megatron(sources: int, draws: int, folder: Path) -> Build:
    """Megatron's own index arrays."""
    helpers = _module("megatron.core.datasets.helpers_cpp")
    shares = shares_of(sources)

    def build() -> Iterator[Any]:
        arrays = np.zeros(draws, np.int16), np.zeros(draws, np.int64)
        helpers.build_blending_indices(*arrays, shares, sources, draws, False)
        return zip(*arrays, strict=True)

    return build


def grain(sources: int, draws: int, folder: Path) -> Build:
    """Grain's random access to a mix of ranges."""
    module = _module("grain")
    parts = [module.MapDataset.range(size) for size in sizes_of(sources, draws)]
    shares = shares_of(sources).tolist()

    def build() -> Iterator[Any]:
        mixed = module.MapDataset.mix(parts, weights=shares)
        return (mixed[index] for index in range(min(draws, len(mixed))))

    return build


def nodes(sources: int, draws: int, folder: Path) -> Build:
    """Torchdata's weighted sampler of nodes, over ranges."""
    module = _module("torchdata.nodes")
    sizes, shares = sizes_of(sources, draws), shares_of(sources).tolist()

    def build() -> Iterator[Any]:
        children = {str(number): module.IterableWrapper(range(size)) for number, size in enumerate(sizes)}
        weights = {str(number): share for number, share in enumerate(shares)}
        return iter(module.MultiNodeWeightedSampler(children, weights, module.StopCriteria.CYCLE_FOREVER, 0, 1, 0))

    return build


def hugging_face(sources: int, draws: int, folder: Path) -> Build:
    """interleave_datasets over map-style data sets of one integer column."""
    module = _module("datasets")
    parts = [module.Dataset.from_dict({"i": np.arange(size)}) for size in sizes_of(sources, draws)]
    shares = shares_of(sources).tolist()

    def build() -> Iterator[Any]:
        return iter(module.interleave_datasets(parts, shares, seed=0))

    return build


def streaming(sources: int, draws: int, folder: Path) -> Build:
    """mosaicml-streaming: streams by proportion, an epoch as long as the run."""
    module = _module("streaming")
    _module("streaming.base.util").clean_stale_shared_memory()
    for number in range(sources):
        with module.MDSWriter(out=str(folder / str(number)), columns={"i": "int"}) as writer:
            for row in range(FEW_ROWS):
                writer.write({"i": row})
    shares = shares_of(sources).tolist()

    def build() -> Iterator[Any]:
        streams = [module.Stream(local=str(folder / str(n)), proportion=share) for n, share in enumerate(shares)]
        return iter(module.StreamingDataset(streams=streams, epoch_size=draws, batch_size=256, shuffle=True))

    return build


def litdata(sources: int, draws: int, folder: Path) -> Build:
    """LitData's combined data set, which reads the items too."""
    module = _module("litdata")
    writer_class = _module("litdata.streaming.writer").BinaryWriter
    for number in range(sources):
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True)
        writer = writer_class(str(place), chunk_size=FEW_ROWS)
        for row in range(FEW_ROWS):
            writer[row] = row
        writer.done()
        writer.merge()
    shares = shares_of(sources).tolist()

    def build() -> Iterator[Any]:
        parts = [module.StreamingDataset(str(folder / str(number)), shuffle=True) for number in range(sources)]
        return iter(module.CombinedStreamingDataset(parts, seed=0, weights=shares, iterate_over_all=False))

    return build


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"{name.split('.', maxsplit=1)[0]} cannot be imported: {error}") from error


OURS = "pysampler Mixture"
PEERS: dict[str, Callable[[int, int, Path], Build]] = {
    OURS: ours,
    "greedy index build, C++": greedy,
    "Megatron build_blending_indices": megatron,
    "grain MapDataset.mix": grain,
    "torchdata MultiNodeWeightedSampler": nodes,
    "datasets interleave_datasets": hugging_face,
    "mosaicml-streaming": streaming,
    "LitData CombinedStreamingDataset": litdata,
}
HOW = {
    OURS: "Mixture and WeightedRandomSampler made, indices drained",
    "greedy index build, C++": "mixture_greedy.cpp fills int16 and int64 arrays, which are then read one by one",
    "Megatron build_blending_indices": "helpers_cpp fills int16 and int64 arrays, which are then read one by one",
    "grain MapDataset.mix": "MapDataset.range parts, mixed[i] in order",
    "torchdata MultiNodeWeightedSampler": "IterableWrapper(range) children, next(node)",
    "datasets interleave_datasets": "map-style, one integer column, with the rows read",
    "mosaicml-streaming": "MDS streams of 1000 rows by proportion, epoch_size the run, with the rows read",
    "LitData CombinedStreamingDataset": "streams of 1000 integers, with the items read",
}
