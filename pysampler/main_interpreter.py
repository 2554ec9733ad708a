"""Importing this raises ImportError in a subinterpreter, where the compiled part would wait for ever for a lock."""

from __future__ import annotations

import ctypes

_current = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyInterpreterState_Get", ctypes.pythonapi))
_number_of = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(("PyInterpreterState_GetID", ctypes.pythonapi))

if _number_of(_current()) != 0:
    raise ImportError(
        "pysampler, as torch, cannot be used in a subinterpreter: import it in the main one, or in a process of its own"
    )
