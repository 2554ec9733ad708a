"""What follows from a plan's numbers, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pysampler.forecast.forecast import CoverageForecast
from pysampler.plan.class_plan import ClassPlan

# Judgements, not theorems: from where on a thing is worth a sentence.
_BALANCED = 0.02  # of the draws change hands between classes
_EVEN = 1.5  # times as many items in the largest class as in the smallest
_OFTEN = 3.0  # times an epoch that the same item comes
_FEW_OF_A_CLASS = 2.0  # items per class, on average: hardly labels


def advice_on_classes(
    classes: Sequence[ClassPlan],
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
    items = sum(own.num_items for own in classes)
    if known_classes > len(classes):
        yield f"{known_classes - len(classes)} of {known_classes} class indices have no items: is that meant?"
    if items < _FEW_OF_A_CLASS * len(classes):
        yield f"{len(classes)} classes for {items} items: are these labels, or names of the items?"
    moved = sum(abs(own.draw_share - own.data_share) for own in classes) / 2
    if all(own.target_share is not None for own in classes) and moved < _BALANCED:
        counts = [own.num_items for own in classes]
        even = max(counts) <= min(counts) * _EVEN
        mix = "The data are balanced already, and" if even else "The mix of the classes hardly changes:"
        yield f"{mix} these weights move {_percent(moved)} of the draws from class to class."
        yield _only_costs_coverage(forecast)
    else:
        yield from _coverage(forecast, systematic_epochs)
        yield from _repeats(classes, forecast.draws_per_epoch, scheme, has_targets)
    never = [own for own in classes if own.draw_share == 0]
    if never:
        zeros = sum(own.num_items for own in never)
        yield f"{_names(never)} will never be drawn: {_count(zeros, 'item')} of weight zero."


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


def _repeats(classes: Sequence[ClassPlan], draws: int, scheme: str, has_targets: bool) -> Iterator[str]:
    most = max(classes, key=lambda own: own.draws_per_item)
    if most.draws_per_item < _OFTEN:
        return
    milder = ""
    if scheme == "inverse" and not has_targets and most.target_share is not None:
        roots = sum(math.sqrt(own.num_items) for own in classes)
        times = draws * math.sqrt(most.num_items) / roots / most.num_items
        milder = f" The milder scheme 'sqrt' would show each {times:.2g} times."
    yield (
        f"Each of the {_count(most.num_items, 'item')} of {most.name!r} comes {most.draws_per_item:.2g} times an "
        f"epoch: augment them, or the model may learn them by heart.{milder}"
    )


def _names(classes: Sequence[ClassPlan]) -> str:
    shown = ", ".join(repr(own.name) for own in classes[:3])
    return shown if len(classes) <= 3 else f"{shown} and {len(classes) - 3} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share >= 0.001 else "less than 0.1 %"
