"""Keys from CUDA generators."""

from __future__ import annotations

import threading

import torch

from pysampler.philox import TAG_GENERATOR_KEY, words

# Generators count offsets in units of 32-bit words and want multiples of a Philox block.
_OFFSET_STEP = 4
_one_at_a_time = threading.Lock()  # or two threads could take the same key


def refuse_capture(what: str) -> None:
    """Raises RuntimeError if torch's current stream is being captured into a CUDA graph."""
    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            f"a CUDA graph cannot hold {what}. Draw with torch.ops.pysampler.draw from a table and a state tensor "
            "(pysampler.stream_state), which each replay moves on"
        )


def key_from_cuda_generator(generator: torch.Generator) -> int:
    """Takes a 64-bit key from a CUDA generator: a function of its seed and offset. Moves the offset on.

    All on the host: nothing is queued on a GPU and nothing waits for one.

    Raises:
        RuntimeError: A CUDA graph is being captured. Each of its replays would use the same key.
    """
    refuse_capture("a key from a generator, which every replay would use again")
    with _one_at_a_time:
        offset = generator.get_offset()
        generator.set_offset(offset + _OFFSET_STEP)
    return int(words(generator.initial_seed(), 0, TAG_GENERATOR_KEY, offset, offset + 1)[0])
