"""Where kernels are queued: torch's current stream of a device, with the memory they read kept for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def queue_on(device: torch.device, *read: torch.Tensor) -> Iterator[int]:
    """Makes ``device`` torch's current one and yields its current stream as an integer, to queue kernels on.

    Args:
        device: A CUDA device with a number.
        read: Tensors that the kernels read or write but that others may have made on another stream. If the caller
            drops one, torch's allocator will not give its memory away before this stream is done with it.
    """
    with torch.cuda.device(device):
        stream = torch.cuda.current_stream(device)
        for tensor in read:
            tensor.record_stream(stream)
        yield stream.cuda_stream
