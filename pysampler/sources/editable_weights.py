"""EditableWeights: a copy of the weights that may be edited, and what is drawn from kept in step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.weights import check_shape, to_tensor
from pysampler.share import Share
from pysampler.sources.base import Source


def warn_of_another_number(before: int, after: int) -> None:
    """Warns if weights have become those of more or fewer items."""
    if after != before:
        warnings.warn(
            f"there were weights for {before} items, and now are for {after}: if the dataset "
            "has not changed, indices will be missing or out of range",
            stacklevel=3,
        )


class EditableWeights(Source):
    """A copy of the weights, and a source made from them anew whenever they have been edited.

    Edits by torch (``source.weights[3] = 0``) are seen when a pass begins. Writing through ``.numpy()`` or ``.data``
    goes unnoticed: torch does not count that as a change.

    Args:
        weights: As for ``AliasTable``; copied, in the same dtype.
        make: Makes a source of weights, a CPU tensor of shape (N,).

    Cost: that of ``make``, now and whenever weights have been edited.

    Raises:
        ValueError: See ``AliasTable``.
        TypeError: See ``AliasTable``.
    """

    def __init__(self, weights: Any, make: Callable[[torch.Tensor], Source]) -> None:
        tensor = to_tensor(weights)
        check_shape(tensor)
        # Tensors made in inference mode do not count their changes.
        with torch.inference_mode(False):
            self.weights = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu").copy_(tensor)
        # A source and the version of the weights that it was made from: one attribute, so that threads see both.
        self._latest = make(self.weights), self.weights._version

    def current(self) -> Source:
        """Returns a source of the weights as they are now. Raises ValueError if they have become invalid."""
        version = self.weights._version
        made, of_version = self._latest
        if version != of_version:
            before = made.num_items
            made = made.with_weights(self.weights)
            warn_of_another_number(before, made.num_items)
            self._latest = made, version
        return made

    def with_weights(self, weights: Any) -> Source:
        """Returns the same kind of source over other weights, which cannot be edited."""
        return self._latest[0].with_weights(weights)

    @property
    def kind(self) -> str:  # type: ignore[override]  # what the source made from the weights says
        """See ``Source``, as of all that follows."""
        return self._latest[0].kind

    @property
    def method(self) -> str:  # type: ignore[override]
        """How draws relate to each other."""
        return self._latest[0].method

    @property
    def replacement(self) -> bool:  # type: ignore[override]
        """Whether an item may come again within an epoch."""
        return self._latest[0].replacement

    @property
    def global_batch_size(self) -> int | None:  # type: ignore[override]
        """How many successive draws are balanced as a whole."""
        return self._latest[0].global_batch_size

    @property
    def one_key(self) -> bool:  # type: ignore[override]
        """Whether all passes must have one key."""
        return self._latest[0].one_key

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return self.weights.numel()

    @property
    def fingerprint(self) -> str:
        """That of the weights as they are now."""
        return self.current().fingerprint

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """An epoch's draws from the weights as they are now."""
        return self.current().epoch(key, epoch, draws)

    def check_draws(self, draws: int) -> None:
        """Raises ValueError if an epoch cannot have this many draws."""
        self.current().check_draws(draws)

    def check_share(self, draws: int, share: Share) -> None:
        """Warns where batches and ranks void what the source promises."""
        self.current().check_share(draws, share)

    def check_batches(self, share: Share) -> None:
        """Warns where batches are not those that the source promises."""
        self.current().check_batches(share)

    def probabilities(self) -> torch.Tensor:
        """What items are really drawn with now."""
        return self.current().probabilities()

    def __copy__(self) -> EditableWeights:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> EditableWeights:
        return EditableWeights.restored(self.weights.clone(), self.current())

    def __reduce__(self) -> tuple[Any, ...]:
        return EditableWeights.restored, (self.weights, self.current())

    @classmethod
    def restored(cls, weights: torch.Tensor, made: Source) -> EditableWeights:
        """Returns the object of weights and what was made of them: version numbers are not copied with tensors."""
        source = cls.__new__(cls)
        source.weights, source._latest = weights, (made, weights._version)
        return source
