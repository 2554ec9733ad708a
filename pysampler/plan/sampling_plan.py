"""A plan: what to expect of weighted draws, as numbers, as text for a terminal, and as plain values for JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from pysampler.forecast.forecast import CoverageForecast
from pysampler.plan.class_plan import ClassPlan
from pysampler.plan.class_table import class_table
from pysampler.renamed import HasOldNames, Renamed

WIDTH = 88


@dataclass(frozen=True, repr=False)
class SamplingPlan(HasOldNames):
    """What to expect. Made by ``plan_labels`` and ``plan_weights``; ``print(plan)`` shows all of it as a table.

    Attributes:
        source: What was read, in words.
        scheme: What made the weights: "inverse", "power, alpha = 0.5" and so on, "targets", or "given".
        num_items: Number of items, those of weight zero included.
        draws_per_epoch: Draws in an epoch.
        classes: The classes that have items, in the order of their indices; empty for weights.
        draws_per_item: Expected draws in an epoch of the rarest, the median and the most frequent item of positive
            weight.
        forecast: Coverage of independent draws.
        systematic_epochs: Epochs within which systematic draws show every item, always.
        advice: What follows, in sentences.
    """

    source: str
    scheme: str
    num_items: int
    draws_per_epoch: int
    classes: Sequence[ClassPlan]
    draws_per_item: tuple[float, float, float]
    forecast: CoverageForecast
    systematic_epochs: int
    advice: tuple[str, ...]

    items = Renamed("num_items")

    def __repr__(self) -> str:
        classes = f" of {len(self.classes)} classes" if self.classes else ""
        return f"SamplingPlan({self.num_items} items{classes}, {self._origin}, {self.draws_per_epoch} draws per epoch)"

    def __str__(self) -> str:
        """The plan in lines of about 88 characters; the name of the source may be longer."""
        lines = [self.source, f"{self.num_items} items, {self._origin}, {self.draws_per_epoch} draws per epoch", ""]
        lines += class_table(self.classes) if self.classes else self._item_lines()
        _, *forecast = str(self.forecast).splitlines()  # the first line repeats what stands above
        lines += ["", "Independent draws", *(f"  {line}" for line in forecast)]
        epochs = f"{self.systematic_epochs} epoch{'' if self.systematic_epochs == 1 else 's'}"
        lines += ["", "Systematic draws", f"  every item within {epochs}, always (three-gap bound)", "", "Advice"]
        for sentence in self.advice:
            lines += textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns the plan as dictionaries, lists, numbers and strings: what ``pysampler plan --json`` prints.

        "items" is what "num_items" was called in version 0.1, and "positive_weight_items" of the forecast.
        """
        forecast = self.forecast
        shown = {item.name: getattr(forecast, item.name) for item in fields(forecast) if not item.name.startswith("_")}
        least, middle, most = self.draws_per_item
        return {
            "source": self.source,
            "scheme": self.scheme,
            "items": self.num_items,
            "num_items": self.num_items,
            "draws_per_epoch": self.draws_per_epoch,
            "classes": [{"items": own.num_items, **asdict(own)} for own in self.classes],
            "draws_per_item": {"least": least, "median": middle, "most": most},
            "independent": {"items": forecast.positive_weight_items, "num_items": forecast.num_items, **shown},
            "systematic": {"every_item_within_epochs": self.systematic_epochs},
            "advice": list(self.advice),
        }

    @property
    def _origin(self) -> str:
        return {"targets": "weights by targets", "given": "weights as given"}.get(self.scheme, f"scheme {self.scheme}")

    def _item_lines(self) -> list[str]:
        least, middle, most = self.draws_per_item
        zeros = self.forecast.zero_weight_items
        return [
            f"expected draws of an item in an epoch: least {least:.3g}, median {middle:.3g}, most {most:.3g}",
            *([f"items of weight zero, never drawn: {zeros}"] if zeros else []),
        ]
