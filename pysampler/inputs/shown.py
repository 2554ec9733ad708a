"""What messages say of a value that users have passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_MOST = 200  # characters


def shown(value: Any, text_of: Callable[[Any], str] = repr) -> str:
    """Returns a value as text for a message, at most 200 characters of it.

    Tensors are described, not printed: those whose memory was freed would be read where there is none.

    Args:
        value: Anything.
        text_of: ``repr`` or ``str``.
    """
    if isinstance(value, torch.Tensor):
        return f"a {type(value).__name__} of {value.dtype}" + (
            "" if value.is_nested or torch.nn.parameter.is_lazy(value) else f", shape {tuple(value.shape)}"
        )
    if isinstance(value, dict):
        inside: Any = value.values()
    else:
        inside = value if isinstance(value, list | tuple | set | frozenset) else ()
    if any(isinstance(each, torch.Tensor | list | tuple | dict) for each in inside):
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = text_of(value)
    except Exception:  # another's code, or an int of too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= _MOST else text[: _MOST - 3] + "..."
