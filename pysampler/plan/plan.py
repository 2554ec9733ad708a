"""From labels or weights to what to expect of the draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from pysampler.forecast.forecast import forecast_coverage
from pysampler.inputs.weights import readable, to_tensor
from pysampler.labels.class_weights import class_weights, sample_weights
from pysampler.labels.missing import Missing, read_where_missing
from pysampler.labels.read import Labels
from pysampler.labels.schemes import FloatArray, Scheme, Targets
from pysampler.plan.advice import advice_on_classes, advice_on_weights
from pysampler.plan.class_plan import ClassPlans
from pysampler.plan.sampling_plan import SamplingPlan
from pysampler.plan.systematic_bound import systematic_coverage_epochs
from pysampler.sources.alias_table import AliasTable


def plan_labels(
    labels: Any,
    scheme: Scheme = "inverse",
    *,
    beta: float | None = None,
    alpha: float | None = None,
    progress: float | None = None,
    targets: Targets | None = None,
    missing: Missing = "error",
    num_samples: int | None = None,
    source: str = "labels",
) -> SamplingPlan:
    """Plans draws with the weights that ``sample_weights`` gives to these labels.

    Args:
        labels: Whatever ``read_labels`` reads.
        scheme: As for ``class_weights``, and so are its parameters.
        beta: See scheme.
        alpha: See scheme.
        progress: See scheme.
        targets: As for ``class_weights``.
        missing: What becomes of items without a label (None, NaN, an empty set): "error"; "drop", to plan for the
            others; or "class", to give them a class of their own, the last, called "no label".
        num_samples: Draws per epoch; by default the number of items.
        source: What the labels are of, in words.

    Cost: O(N): about 0.1 us per item.

    Raises:
        ValueError: Items of one class only; items without a label, unless ``missing`` says what to do; see
            ``sample_weights`` and ``forecast_coverage``.
        TypeError: See ``read_labels``.
    """
    read, without = read_where_missing(labels, missing)
    filled = np.flatnonzero(read.counts)
    if len(filled) == 1:
        raise ValueError(f"all {len(read)} items are of one class, {read.classes[filled[0]]!r}: nothing to balance")
    options: dict[str, Any] = {"beta": beta, "alpha": alpha, "progress": progress, "targets": targets}
    weights = sample_weights(read, scheme, **options)
    per_class = class_weights(read, scheme, **options, empty="zero", dtype=torch.float64).numpy()
    probabilities = AliasTable(weights).probabilities().numpy()
    k = len(read) if num_samples is None else num_samples
    forecast = forecast_coverage(weights, k)
    classes = _classes(read, per_class, probabilities, k)
    given = {name: value for name, value in options.items() if value is not None and name != "targets"}
    notes = (_note_on_missing(without, missing),) if without else ()
    words = "".join(f", {name} = {value:g}" for name, value in given.items())
    per_item, epochs = _outcome(weights, probabilities, forecast.draws_per_epoch)
    return SamplingPlan(
        source=source,
        scheme="targets" if targets is not None else f"{scheme}{words}",
        num_items=len(read),
        classes=classes,
        forecast=forecast,
        advice=(
            *notes,
            *advice_on_classes(classes, len(read.classes), forecast, epochs, scheme, targets is not None),
        ),
        draws_per_epoch=forecast.draws_per_epoch,
        draws_per_item=per_item,
        systematic_epochs=epochs,
    )


def _note_on_missing(count: int, missing: Missing) -> str:
    have = "item has no label and is" if count == 1 else "items have no label and are"
    return f"{count} {have} " + ("left out." if missing == "drop" else "a class of their own.")


def plan_weights(weights: Any, *, num_samples: int | None = None, source: str = "weights") -> SamplingPlan:
    """Plans draws with these weights, one per item, as ``WeightedRandomSampler`` takes them.

    Args:
        weights: As for ``AliasTable``.
        num_samples: Draws per epoch; by default the number of items.
        source: What the weights are of, in words.

    Raises:
        ValueError: See ``forecast_coverage``.
        TypeError: See ``AliasTable``.
    """
    tensor = to_tensor(weights)
    forecast = forecast_coverage(tensor, num_samples)
    per_item, epochs = _outcome(tensor, AliasTable(tensor).probabilities().numpy(), forecast.draws_per_epoch)
    return SamplingPlan(
        source=source,
        scheme="given",
        num_items=len(tensor),
        draws_per_epoch=forecast.draws_per_epoch,
        classes=(),
        draws_per_item=per_item,
        forecast=forecast,
        systematic_epochs=epochs,
        advice=tuple(advice_on_weights(per_item, forecast, epochs)),
    )


def _outcome(weights: torch.Tensor, probabilities: FloatArray, draws: int) -> tuple[tuple[float, float, float], int]:
    """Returns expected draws of the rarest, the median and the most frequent item, and the systematic bound."""
    values = readable(weights)  # of a dtype that can be compared
    positive = values[values > 0].double()
    positive /= positive.max()  # sums near the largest double must not overflow
    unit = draws / float(positive.sum())
    least, middle, most = (float(value) * unit for value in (positive.min(), positive.median(), positive.max()))
    rarest = float(probabilities.min(where=probabilities > 0, initial=1.0))  # as drawn: what is promised is always true
    return (least, middle, most), systematic_coverage_epochs(rarest, draws)


def _classes(labels: Labels, weights: FloatArray, probabilities: FloatArray, draws: int) -> ClassPlans:
    owner = (
        np.arange(len(labels)) if labels.offsets is None else np.repeat(np.arange(len(labels)), np.diff(labels.offsets))
    )
    of_label = probabilities[owner]
    size = len(labels.classes)
    share = np.bincount(labels.codes, of_label, minlength=size)
    with np.errstate(divide="ignore"):  # an only item that can be drawn: log(1 - 1)
        unseen = np.bincount(labels.codes, np.exp(draws * np.log1p(-of_label)), minlength=size)
    mass = weights * labels.counts
    filled = np.flatnonzero(labels.counts)
    counts, share = labels.counts[filled], share[filled]
    columns = {
        "num_items": counts,
        "data_share": counts / len(labels),
        "weight": weights[filled],
        "target_share": (mass / mass.sum())[filled] if labels.offsets is None else None,
        "draw_share": share,
        "draws_per_epoch": share * draws,
        "draws_per_item": share * draws / counts,
        "unseen_share": unseen[filled] / counts,
    }
    return ClassPlans(labels.classes, filled, columns)
