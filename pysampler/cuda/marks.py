"""Which items have come and how often, where indices and marks are on a GPU."""

from __future__ import annotations

import torch

from pysampler.cuda.availability import require_compiled
from pysampler.cuda.generator import refuse_capture
from pysampler.cuda.place import queue_on
from pysampler.inputs.memory import address_of
from pysampler.inputs.numbers import whole_number

MAX_MARKED = 2**63 - 1
MOST_COUNTED = 2**16 - 1


class CudaMarks:
    """A bitmap of items on a CUDA device and, on request, a count of each: what was drawn is marked where it was drawn.

    The same marks and counts as a loop on the CPU makes, whatever the order of threads.

    Args:
        items: N >= 1. Indices lie in [0, N).
        device: A CUDA device; without a number, torch's current one.
        counts: Whether to count each item too, up to 65535.

    Attributes:
        items: N.
        words: The bitmap, int64 of shape (ceil(N / 64),): item i is bit i % 64 of word i // 64.
        counts: uint16 of shape (N,), or None: a copy, made anew each time.

    Cost: N / 8 bytes of the device's memory, with counts 4 N more.

    Raises:
        RuntimeError: The device cannot be used; says why.
        ValueError, TypeError: ``items`` is no number of items.

    Example:
        >>> table = AliasTable(weights).to("cuda")
        >>> marks = CudaMarks(len(table), "cuda")
        >>> marks.mark(table.draw(10**9, seed=0))
        >>> marks.unique()
    """

    def __init__(self, items: int, device: torch.device | str = "cuda", counts: bool = False) -> None:
        self.items = whole_number(items, "items", 1, MAX_MARKED)
        place = require_compiled(device, "marking")
        self.words = torch.zeros(-(-self.items // 64), dtype=torch.int64, device=place)
        # A GPU adds to 32 bits at once. It stops at 65535 or shortly after: threads that count together may pass it.
        self._wide_counts = torch.zeros(self.items, dtype=torch.int32, device=place) if counts else None

    @property
    def counts(self) -> torch.Tensor | None:
        """How often each item has come, up to 65535. Queued on torch's current stream; waits for nothing."""
        if self._wide_counts is None:
            return None
        # Through a signed type: torch converts to and fills those on every device, in every version.
        return self._wide_counts.clamp(max=MOST_COUNTED).to(torch.int16).view(torch.uint16)

    def mark(self, indices: torch.Tensor) -> None:
        """Marks every index, an index that comes twice twice.

        Args:
            indices: int64 or int32, of any shape, on the device of the marks.

        Cost: queued on torch's current stream, which is then waited for, once: what is wrong with indices is said at
        once. Reads the indices twice, and writes to a random place for each.

        Raises:
            IndexError: An index outside [0, N): names the first. Nothing is marked then.
            TypeError: Another dtype.
            ValueError: Another device.
            RuntimeError: A CUDA graph is being captured, or the GPU reports an error.
        """
        if not isinstance(indices, torch.Tensor) or indices.dtype not in (torch.int64, torch.int32):
            found = indices.dtype if isinstance(indices, torch.Tensor) else type(indices).__name__
            raise TypeError(f"indices must be a tensor of int64 or int32, but got {found}")
        if indices.device != self.words.device:
            raise ValueError(f"indices must be on {self.words.device}, as the marks are, but are on {indices.device}")
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        source = indices.detach().resolve_neg().contiguous()
        marks = [self.words] if self._wide_counts is None else [self.words, self._wide_counts]
        with queue_on(self.words.device, source, *marks) as stream:
            refuse_capture("marking, which has to look at its indices")
            scratch = self._scratch(2)
            _cuda.mark(
                address_of(source, "indices"),
                source.numel(),
                source.dtype == torch.int64,
                address_of(self.words),
                0 if self._wide_counts is None else address_of(self._wide_counts),
                self.items,
                address_of(scratch),
                self.words.device.index,
                stream,
            )

    def unique(self, also: CudaMarks | None = None) -> int:
        """Returns how many items have come, here or in ``also``. Reads the bitmap and waits for it.

        Raises:
            ValueError: ``also`` is of other items or on another device.
            RuntimeError: A CUDA graph is being captured, or the GPU reports an error.
        """
        if also is not None and (also.items != self.items or also.words.device != self.words.device):
            raise ValueError(
                f"marks of {self.items} items on {self.words.device} cannot be united with marks of {also.items} items "
                f"on {also.words.device}"
            )
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        both = [self.words] if also is None else [self.words, also.words]
        with queue_on(self.words.device, *both) as stream:
            refuse_capture("a count, which has to reach the host")
            scratch = self._scratch(1)
            return _cuda.count_bits(
                address_of(self.words),
                0 if also is None else address_of(also.words),
                self.words.numel(),
                address_of(scratch),
                self.words.device.index,
                stream,
            )

    def _scratch(self, words: int) -> torch.Tensor:
        """Memory of one call: other threads and streams may mark and count at the same time."""
        return torch.empty(words, dtype=torch.int64, device=self.words.device)
