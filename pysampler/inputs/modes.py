"""Tensors that are made once and kept: real ones, whatever mode torch is in at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch.utils import _python_dispatch

# FakeTensorMode and its kin; torch has no public way out of them.
_without_modes = getattr(_python_dispatch, "_disable_current_modes", nullcontext)


@contextmanager
def plain_tensors() -> Iterator[None]:
    """Makes tensors plain ones: with memory, and that can be written to outside of inference mode too."""
    with _without_modes(), torch.inference_mode(False):
        yield
