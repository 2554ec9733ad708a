"""What a mixture will do in a run: passes over each source, where each begins to repeat, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysampler.inputs.numbers import whole_number
from pysampler.keys import seed_key
from pysampler.sources.mixture import Mixture

_POINTS = 96  # of the curves
_MOST_COUNTED = 2_000_000  # sources times points
_TOTAL = 2**64
_NEVER = 2**64 - 1
_OFTEN = 4.0  # passes, up to which repeated text is about as good as new: Muennighoff et al. 2023
_SPREAD = 100.0  # times as many passes over the source most repeated as over the least


@dataclass(frozen=True)
class SourcePlan:
    """One source of a planned mixture.

    Attributes:
        name: What it is called.
        items: Its size.
        data_share: Its share of all items, in [0, 1].
        draws: Its items among the run's draws: exact, as the mixture will make them.
        draw_share: The same as a share of the draws.
        passes: Draws over size: the whole part is how many passes are complete. Of a table the mean over its items.
        repeats_from: The first position of the window in which its second pass begins; None if none does within the
            run, or if it is a table, whose items come by weight.
        length: Tokens in the run, or seconds; None without lengths.
        length_share: Their share of all; None without lengths.
    """

    name: str
    items: int
    data_share: float
    draws: int
    draw_share: float
    passes: float
    repeats_from: int | None
    length: float | None
    length_share: float | None

    @property
    def unseen(self) -> int:
        """How many of its items the run does not come to; of a table, at least."""
        return max(0, self.items - self.draws)


@dataclass(frozen=True, eq=False)
class MixturePlan:
    """What to expect of a run over a mixture. Made by ``plan_mixture``.

    Attributes:
        source: What was mixed, in words.
        draws: Of the run.
        window: In how many successive draws the shares hold.
        items: Of all sources.
        stages: Where each begins, and its share of the draws for each source.
        sources: In the mixture's order.
        positions: int64 of shape (points,), from 0 to ``draws``: where ``counts`` were taken.
        counts: int64 of shape (points, sources): how many of each source come before these positions.
        length_unit: What lengths are of, such as "tokens"; None without.
        advice: What follows, in sentences.
    """

    source: str
    draws: int
    window: int
    items: int
    stages: tuple[tuple[int, tuple[float, ...]], ...]
    sources: tuple[SourcePlan, ...]
    positions: NDArray[np.int64]
    counts: NDArray[np.int64]
    length_unit: str | None
    advice: tuple[str, ...]


def plan_mixture(
    mixture: Mixture,
    draws: int | None = None,
    *,
    seed: int = 0,
    lengths: Any = None,
    length_unit: str = "tokens",
    source: str = "a mixture",
) -> MixturePlan:
    """Plans a run over a mixture. Nothing is drawn: counts come in closed form, and are those of the run.

    Args:
        mixture: As samplers will get it.
        draws: Of the whole run, over all ranks; by default as many as there are items.
        seed: Of the run. Another one moves counts by a few items.
        lengths: Of an item of each source in the mean, in its order or by name: to tell tokens or seconds. By default
            the mixture's own.
        length_unit: What they are of.
        source: What is mixed, in words.

    Cost: a microsecond for each source and each of up to 96 positions.

    Raises:
        ValueError: draws outside [1, 2^62]; not a length for each source.

    Example:
        >>> plan = plan_mixture(Mixture([90, 10], [1, 1], window=10), 200)
        >>> [(own.passes, own.repeats_from) for own in plan.sources]
        [(1.1111111111111112, 180), (10.0, 20)]
    """
    run = whole_number(mixture.num_items if draws is None else draws, "draws", 1, 2**62)
    means = _lengths(mixture, lengths)
    points = max(2, min(_POINTS, _MOST_COUNTED // len(mixture.sizes)))
    step = max(1, -(-run // ((points - 1) * mixture.window))) * mixture.window
    stages = tuple(
        (first * mixture.window, tuple(mass / _TOTAL for mass in masses))
        for first, masses in mixture._stages
        if first * mixture.window < run
    )
    begins = [first for first, _ in stages][:points]
    positions = np.array(sorted({*range(0, run, step), *begins, run}), np.int64)
    counts = np.array([list(mixture.counts(int(at), seed=seed).values()) for at in positions], np.int64)
    sources = tuple(_sources(mixture, counts[-1], run, seed_key(seed), means))
    return MixturePlan(
        source=source,
        draws=run,
        window=mixture.window,
        items=mixture.num_items,
        stages=stages,
        sources=sources,
        positions=positions,
        counts=counts,
        length_unit=None if means is None else length_unit,
        advice=tuple(_advice(mixture, sources, stages)),
    )


def _lengths(mixture: Mixture, lengths: Any) -> list[float] | None:
    if lengths is not None:  # read by the mixture's own rules
        return _lengths(Mixture([1] * len(mixture.sizes), names=mixture.names, lengths=lengths), None)
    own = mixture._reader.lengths
    return None if own is None else [float(length) for length in own]


def _sources(
    mixture: Mixture, counts: NDArray[np.int64], run: int, key: int, means: list[float] | None
) -> Iterator[SourcePlan]:
    lengths = None if means is None else [count * mean for count, mean in zip(counts.tolist(), means, strict=True)]
    whole = 0.0 if lengths is None else sum(lengths)
    for number, (name, size, count) in enumerate(zip(mixture.names, mixture.sizes, counts.tolist(), strict=True)):
        length = None if lengths is None else lengths[number]
        yield SourcePlan(
            name=name,
            items=size,
            data_share=size / mixture.num_items,
            draws=count,
            draw_share=count / run,
            passes=count / size if size else 0.0,
            repeats_from=_second_pass(mixture, number, count, key),
            length=length,
            length_share=None if length is None else length / whole,
        )


def _second_pass(mixture: Mixture, number: int, count: int, key: int) -> int | None:
    size = mixture.sizes[number]
    if not isinstance(mixture._parts[number], int) or count <= size:
        return None
    window = mixture._core.first_window_of(key, [number], [size])
    return None if window == _NEVER else int(window) * mixture.window


def _advice(
    mixture: Mixture, sources: tuple[SourcePlan, ...], stages: tuple[tuple[int, tuple[float, ...]], ...]
) -> Iterator[str]:
    drawn = [own for own in sources if own.draws > 0]
    often = sorted((own for own in drawn if own.passes > _OFTEN), key=lambda own: -own.passes)
    if often:
        most = often[0]
        yield (
            f"Each item of {most.name!r} comes about {most.passes:.3g} times"
            + (f", and those of {_more(often)} over {_OFTEN:.0f} times" if len(often) > 1 else "")
            + f": of text, more than about {_OFTEN:.0f} passes add little (Muennighoff et al. 2023). Lower its share, "
            f"or let unimax(sizes, draws, {_OFTEN:.0f}) find shares that repeat nothing more often."
        )
    cut = [own for own in drawn if own.unseen > 0]
    if cut:
        least = min(cut, key=lambda own: own.passes)
        more = f", and not to all of {_more(cut)}" if len(cut) > 1 else ""
        yield f"The run comes to {100 * least.passes:.3g} % of {least.name!r} only{more}."
    passes = [own.passes for own in drawn]
    if passes and max(passes) > _SPREAD * min(passes):
        yield (
            f"The source most repeated is seen {max(passes) / min(passes):,.0f} times as often as the least: a higher "
            "temperature evens sources out, a lower one evens out items."
        )
    never = [own for own in sources if own.draws == 0]
    if never:
        names = ", ".join(repr(own.name) for own in never[:3]) + (f" and {len(never) - 3} more" if never[3:] else "")
        yield f"Nothing of {names} is drawn in this run."
    small = {i for _, shares in stages for i, share in enumerate(shares) if 0 < share * mixture.window < 1}
    if len(small) > 1:
        yield (
            f"{len(small)} sources have less than one draw in a window of {mixture.window}: they take turns in keyed "
            "order, so that their counts follow the shares more loosely than those of the others."
        )


def _more(sources: list[SourcePlan]) -> str:
    others = len(sources) - 1
    return f"{others} more source{'' if others == 1 else 's'}"
