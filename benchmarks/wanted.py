"""Wanted: the ratios this project set out to reach, each beside what a run measured.

A benchmark only reports; nothing fails here when a figure is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .records import Record, Results, ratio

LIMIT = "gather limit"


@dataclass(frozen=True)
class Wanted:
    """One demand.

    Attributes:
        what: What is measured.
        bound: The figure to reach.
        unit: Written behind figures: "x" for ratios, "%", "ns/item", ...
        at_least: True if larger is better.
        measure: Finds the figure in a run's results; None if the run did not measure it.
    """

    what: str
    bound: float
    unit: str
    at_least: bool
    measure: Callable[[Results], float | None]

    @property
    def demand(self) -> str:
        """The bound in words."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:g} {self.unit}"

    def reached(self, measured: float) -> bool:
        """Whether a figure is as good as the bound or better."""
        return measured >= self.bound if self.at_least else measured <= self.bound


def _ratio(results: Results, group: str, above: str, below: str, **case: int | str) -> float | None:
    """Of two contenders in one case."""
    first, second = results.find(group, above, **case), results.find(group, below, **case)
    return ratio(first, second) if first and second else None


def _against(peer: str, items: int) -> Callable[[Results], float | None]:
    return lambda results: _ratio(results, "draws", peer, "pysampler", items=items, threads=1)


def _share_of_limit(items: int) -> Callable[[Results], float | None]:
    def measure(results: Results) -> float | None:
        share = _ratio(results, "draws", LIMIT, "pysampler", items=items, threads=1)
        return None if share is None else 100 * share

    return measure


def _two_threads(items: int) -> Callable[[Results], float | None]:
    def measure(results: Results) -> float | None:
        one = results.find("draws", "pysampler", items=items, threads=1)
        two = results.find("draws", "pysampler", items=items, threads=2)
        return ratio(one, two) if one and two else None

    return measure


def _avx2(items: int) -> Callable[[Results], float | None]:
    return lambda results: _ratio(results, "cpu-targets", "avx2", "avx512", items=items, task="draw")


def _median(group: str, contender: str, **case: int | str) -> Callable[[Results], float | None]:
    def measure(results: Results) -> float | None:
        record = results.find(group, contender, **case)
        return record.median if record else None

    return measure


def _worst_family(dtype: str) -> Callable[[Results], float | None]:
    def measure(results: Results) -> float | None:
        uniform = results.find("build-families", "uniform", dtype=dtype)
        if uniform is None:
            return None
        families = _measured(results.select("build-families", dtype=dtype))
        return max(ratio(family, uniform) for family in families)

    return measure


def _slowest_first_index(results: Results) -> float | None:
    passes = _measured(results.select("first-index", "pysampler"))
    return max((record.median / 1e3 for record in passes), default=None)


def _loop(ours: str, theirs: str, items: int) -> Callable[[Results], float | None]:
    return lambda results: _ratio(results, "loops", theirs, ours, items=items)


def _subset(draws: int) -> Callable[[Results], float | None]:
    return lambda results: _ratio(
        results,
        "without-replacement",
        "torch.multinomial",
        "pysampler",
        items=10_000_000,
        draws=draws,
        threads=1,
    )


def _marking(items: int) -> Callable[[Results], float | None]:
    def measure(results: Results) -> float | None:
        share = _ratio(results, "marking", "marking limit", "pysampler", items=items, threads=1)
        return None if share is None else 100 * share

    return measure


def _measured(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.rounds]


def _size(items: int) -> str:
    return f"{items:.0e}".replace("e+0", "e")


def _list() -> list[Wanted]:
    wanted = [
        Wanted(
            f"draws, N = {_size(n)}, against torch.multinomial",
            80,
            "x",
            True,
            _against("torch.multinomial", n),
        )
        for n in (10**6, 10**7)
    ]
    wanted += [
        Wanted(
            f"draws, N = {_size(n)}, against scipy's alias urn",
            8,
            "x",
            True,
            _against("scipy DiscreteAliasUrn", n),
        )
        for n in (10**5, 10**6, 10**7)
    ]
    wanted += [
        Wanted(f"draws, N = {_size(n)}, share of the gather limit", 75, "%", True, _share_of_limit(n))
        for n in (10**7, 10**8)
    ]
    wanted += [
        Wanted(f"marking, N = {_size(n)}, share of the marking limit", 60, "%", True, _marking(n))
        for n in (10**6, 10**8, 10**9)
    ]
    wanted += [
        Wanted(f"draws, N = {_size(n)}, two threads against one", 1.8, "x", True, _two_threads(n))
        for n in (10**6, 10**7, 10**8)
    ]
    wanted += [
        Wanted(f"draws, N = {_size(n)}, AVX2 time over AVX-512", 1.6, "x", False, _avx2(n))
        for n in (10**5, 10**6, 10**7)
    ]
    bulk: dict[str, int | str] = {"items": 10**8, "threads": 1}
    wanted.append(
        Wanted(
            "bulk draws, N = k = 1e8, time over the gather limit",
            1.15,
            "x",
            False,
            lambda results: _ratio(results, "bulk", "pysampler", LIMIT, **bulk),
        )
    )
    wanted += [
        Wanted(
            f"build, N = {_size(n)}, one thread",
            6,
            "ns/item",
            False,
            _median("build", "pysampler", items=n, threads=1),
        )
        for n in (10**7, 10**8)
    ]
    wanted += [
        Wanted(f"build, slowest family over uniform, {dtype}", 2, "x", False, _worst_family(dtype))
        for dtype in ("float64", "float32")
    ]
    ours, theirs = "pysampler WeightedRandomSampler", "torch WeightedRandomSampler"
    our_lists, their_lists = "pysampler WeightedBatchSampler", "torch BatchSampler"
    for n in (10**6, 10**7):
        wanted.append(
            Wanted(
                f"for i in sampler, N = {_size(n)}, against torch",
                10,
                "x",
                True,
                _loop(ours, theirs, n),
            )
        )
        wanted.append(
            Wanted(
                f"lists of 256, N = {_size(n)}, against torch",
                15,
                "x",
                True,
                _loop(our_lists, their_lists, n),
            )
        )
    wanted += [
        Wanted("first index after the table stands, any N", 1, "ms", False, _slowest_first_index),
        Wanted(
            "memory of an iterator over 1e8 draws",
            64,
            "MB",
            False,
            _median("memory", "pysampler", draws=10**8),
        ),
        Wanted("without replacement, N = k = 1e7, against torch", 8, "x", True, _subset(10**7)),
        Wanted("without replacement, N = 1e7, k = 1e6, against torch", 8, "x", True, _subset(10**6)),
    ]
    return wanted + _ranks() + _mixtures() + _dynamic()


def _ranks() -> list[Wanted]:
    case: dict[str, int | str] = {"items": 10**7, "world": 8}
    torchs, ours = "torch DistributedSampler", "pysampler DistributedWeightedSampler"
    mapped = f"{ours}, new, table mapped"

    def falls(results: Results) -> float | None:
        few = results.find("ranks-epoch", ours, items=10**7, world=8)
        many = results.find("ranks-epoch", ours, items=10**7, world=512)
        return ratio(few, many) if few and many else None

    return [
        Wanted(
            f"first batch of a rank, N = 1e7, 8 ranks, {how}, against torch's DistributedSampler",
            1000,
            "x",
            True,
            lambda results, who=who: _ratio(results, "ranks-first-batch", torchs, who, **case),
        )
        for how, who in (("table standing", ours), ("table mapped", mapped))
    ] + [Wanted("a rank's epoch, N = 1e7, on 8 ranks over on 512 (of 64)", 50, "x", True, falls)]


def _mixtures() -> list[Wanted]:
    every = "pysampler, every 4096th"
    return [
        Wanted("mixture of 10 sources", 25, "ns", False, _median("mixture", "pysampler", sources=10)),
        Wanted("mixture of 10,000 sources", 60, "ns", False, _median("mixture", "pysampler", sources=10_000)),
        Wanted("mixture of 1,000, every 4096th", 1000, "ns", False, _median("mixture", every, sources=1_000)),
        Wanted("mixture of 10,000, every 4096th", 1000, "ns", False, _median("mixture", every, sources=10_000)),
        Wanted(
            "first index at 1e12, 10,000 sources",
            1000,
            "us",
            False,
            _median("mixture-first", "pysampler", sources=10_000),
        ),
    ]


def _dynamic() -> list[Wanted]:
    torchrl = "torchrl SumSegmentTree"
    wanted = []
    for items, draw, update, pair in ((10**6, 16, 16, 130), (10**7, 30, 28, 350)):
        of = f"of {_size(items)} weights that change"
        for group, what, bound in (("dynamic-draws", "draw", draw), ("dynamic-updates", "update", update)):
            measure = _median(group, "pysampler", items=items, batch=4096)
            wanted.append(Wanted(f"{what} {of}, batches of 4096", bound, "ns", False, measure))
        measure = _median("dynamic-ones", "pysampler", items=items)
        wanted.append(Wanted(f"draw + update of one {of}, C++", pair, "ns", False, measure))
    for group, what in (("dynamic-draws", "draws"), ("dynamic-updates", "updates")):
        for items in (10**5, 10**6, 10**7):

            def against(results: Results, group: str = group, items: int = items) -> float | None:
                return _ratio(results, group, torchrl, "pysampler", items=items, batch=256)

            wanted.append(Wanted(f"{what} of 256 beside torchrl's tree, {_size(items)} weights", 5, "x", True, against))
    return wanted


WANTED = _list()
