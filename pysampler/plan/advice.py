"""What follows from a plan's numbers, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysampler.forecast.forecast import CoverageForecast
from pysampler.plan.class_plan import ClassPlans

# Judgements, not theorems: from where on a thing is worth a sentence.
_BALANCED = 0.02  # of the draws change hands between classes
_EVEN = 1.5  # times as many items in the largest class as in the smallest
_OFTEN = 3.0  # times an epoch that the same item comes
_FEW_OF_A_CLASS = 2.0  # items per class, on average: hardly labels


def advice_on_classes(
    classes: ClassPlans,
    known_classes: int,
    forecast: CoverageForecast,
    systematic_epochs: int,
    scheme: str,
    has_targets: bool,
) -> Iterator[str]:
    """Says what the shares and the forecast mean for a training.

    Args:
        classes: The classes that have items.
        known_classes: Those without items included.
        forecast: Of independent draws.
        systematic_epochs: Epochs within which systematic draws show everything.
        scheme: What made the weights.
        has_targets: Whether it was targets instead.
    """
    counts, draw_share = _column(classes, "num_items"), _column(classes, "draw_share")
    items = int(counts.sum())
    if known_classes > len(classes):
        yield f"{known_classes - len(classes)} of {known_classes} class indices have no items: is that meant?"
    if items < _FEW_OF_A_CLASS * len(classes):
        yield f"{len(classes)} classes for {items} items: are these labels, or names of the items?"
    moved = float(np.abs(draw_share - _column(classes, "data_share")).sum()) / 2
    if classes.column("target_share") is not None and moved < _BALANCED:
        even = counts.max() <= counts.min() * _EVEN
        mix = "The data are balanced already, and" if even else "The mix of the classes hardly changes:"
        yield f"{mix} these weights move {_percent(moved)} of the draws from class to class."
        yield _only_costs_coverage(forecast)
    else:
        yield from _coverage(forecast, systematic_epochs)
        yield from _repeats(classes, forecast.draws_per_epoch, scheme, has_targets)
    never = np.flatnonzero(draw_share == 0)
    if len(never):
        shown = ", ".join(repr(classes[int(place)].name) for place in never[:3])
        names = shown if len(never) <= 3 else f"{shown} and {len(never) - 3} more"
        yield f"{names} will never be drawn: {_count(int(counts[never].sum()), 'item')} of weight zero."


def advice_on_weights(
    draws_per_item: tuple[float, float, float], forecast: CoverageForecast, systematic_epochs: int
) -> Iterator[str]:
    """Says what the weights and the forecast mean for a training.

    Args:
        draws_per_item: Of the rarest, the median and the most frequent item.
        forecast: Of independent draws.
        systematic_epochs: Epochs within which systematic draws show everything.
    """
    least, _, most = draws_per_item
    if forecast.positive_weight_items > 1 and most <= least * (1 + _BALANCED):
        yield f"The weights are equal to within {_percent(most / least - 1)}. " + _only_costs_coverage(forecast)
    else:
        yield from _coverage(forecast, systematic_epochs)
        if most >= _OFTEN and forecast.positive_weight_items > 1:
            yield f"The heaviest item comes {most:.3g} times an epoch, the lightest {least:.3g} times."
    if forecast.zero_weight_items:
        yield f"{_count(forecast.zero_weight_items, 'item')} of weight zero will never be drawn."


def _only_costs_coverage(forecast: CoverageForecast) -> str:
    draws, items = forecast.draws_per_epoch, forecast.positive_weight_items
    return (
        f"Weighted draws with replacement only cost coverage then: {draws} of them show about "
        f"{forecast.expected_unique:.0f} of the {items} items, a shuffle {'all' if draws >= items else draws}. "
        "Shuffle instead."
    )


def _coverage(forecast: CoverageForecast, systematic_epochs: int) -> Iterator[str]:
    late = forecast.full_coverage_whole_epochs_quantile(0.95)
    yield (
        f"An epoch of independent draws shows about {forecast.expected_unique:.0f} of the "
        f"{forecast.positive_weight_items} items. "
        f"Train for at least {_count(late, 'epoch')}, and 95 % of runs will have shown all of them. "
        f"Systematic draws show all within {_count(systematic_epochs, 'epoch')}, always."
    )
    longer = forecast.draws_to_expect_90
    if forecast.draws_per_epoch < longer <= 10 * forecast.draws_per_epoch:
        yield (
            f"If one epoch is to show 90 % of the items, it takes {longer} independent draws "
            f"({longer / forecast.draws_per_epoch:.2g} times as many)."
        )


def _repeats(classes: ClassPlans, draws: int, scheme: str, has_targets: bool) -> Iterator[str]:
    most = classes[int(_column(classes, "draws_per_item").argmax())]
    if most.draws_per_item < _OFTEN:
        return
    milder = ""
    if scheme == "inverse" and not has_targets and most.target_share is not None:
        roots = float(np.sqrt(_column(classes, "num_items")).sum())
        times = draws * most.num_items**-0.5 / roots
        milder = f" The milder scheme 'sqrt' would show each {times:.2g} times."
    yield (
        f"Each of the {_count(most.num_items, 'item')} of {most.name!r} comes {most.draws_per_item:.2g} times an "
        f"epoch: augment them, or the model may learn them by heart.{milder}"
    )


def _column(classes: ClassPlans, name: str) -> NDArray[Any]:
    column = classes.column(name)
    assert column is not None
    return column


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share >= 0.001 else "less than 0.1 %"
