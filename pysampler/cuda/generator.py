"""Keys from CUDA generators."""

from __future__ import annotations

import torch

from pysampler.philox import TAG_GENERATOR_KEY, words

# Generators count offsets in units of 32-bit words and want multiples of a Philox block.
_OFFSET_STEP = 4


def key_from_cuda_generator(generator: torch.Generator) -> int:
    """Takes a 64-bit key from a CUDA generator: a function of its seed and offset. Moves the offset on.

    All on the host: nothing is queued on a GPU and nothing waits for one.

    Raises:
        RuntimeError: A CUDA graph is being captured. Each of its replays would use the same key.
    """
    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "a random key cannot be taken while a CUDA graph is captured: every replay would draw the same. Draw with "
            "torch.ops.pysampler.draw from a state tensor (pysampler.stream_state), which each replay moves on"
        )
    offset = generator.get_offset()
    generator.set_offset(offset + _OFFSET_STEP)
    return int(words(generator.initial_seed(), 0, TAG_GENERATOR_KEY, offset, offset + 1)[0])
