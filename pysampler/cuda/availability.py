"""Whether pysampler can use CUDA here, and if not, why not."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import threading
import warnings
from pathlib import Path
from typing import Any

import torch

_ready: set[torch.device] = set()  # devices, with their numbers, on which all kernels are loaded
_one_at_a_time = threading.Lock()
_BUILD_STATE = Path(__file__).resolve().parent.parent / "_cuda_build.json"  # written by setup.py


@functools.cache
def build_state() -> dict[str, Any]:
    """What the build said of CUDA: compiled, reason, nvcc, architectures. Empty if it left no word."""
    try:
        state = json.loads(_BUILD_STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def import_problem() -> str | None:
    """Why there is no ``pysampler._cuda``, or None."""
    try:
        importlib.import_module("pysampler._cuda")
    except ModuleNotFoundError as error:
        if error.name == "pysampler._cuda":
            return f"not built: {build_state().get('reason') or 'the build left no word why'}"
        return f"built, but cannot be loaded: {_one_line(error)}"
    except (ImportError, OSError) as error:
        return f"built, but cannot be loaded: {_one_line(error)}"
    return None


def build_text() -> str:
    """What there is of the compiled part: "built by nvcc 13.0 for 8.0;9.0+PTX", or why it is missing."""
    state = build_state()
    built = f"built by nvcc {state.get('nvcc', '?')} for {state.get('architectures', '?')}"
    problem = import_problem()
    if problem is None:
        return built
    return f"{problem}; draws by Triton, tables built on the CPU" if draws_by_triton() else problem


@functools.cache
def draws_by_triton() -> bool:
    """Whether draws on a GPU are Triton's, for the compiled kernels are missing."""
    return import_problem() is not None and importlib.util.find_spec("triton") is not None


def problem() -> str | None:
    """Why CUDA cannot be used, in one line, or None if it can. Starts no work on a device."""
    missing = None if draws_by_triton() else import_problem()
    if missing is not None:
        return f"pysampler's CUDA kernels are {missing}"
    if torch.version.cuda is None:
        return f"this torch ({torch.__version__}) was built without CUDA; install a CUDA build of torch"
    if not draws_by_triton():
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        reason = _cuda.problem()
        if reason is not None:
            return reason
    if not _torch_has_devices():
        return f"torch {torch.__version__} (CUDA {torch.version.cuda}) finds no CUDA device that it can use"
    return None


def require_compiled(device: torch.device | str, what: str) -> torch.device:
    """As ``require``, for ``what``, in words, which Triton does not do. RuntimeError without compiled kernels."""
    if draws_by_triton():
        raise RuntimeError(f"{what} on a GPU needs pysampler's compiled CUDA kernels, which are {import_problem()}")
    return require(device)


def require(device: torch.device | str) -> torch.device:
    """Makes a device ready for pysampler's kernels: all of them are loaded there, once, before anything needs them.

    So a CUDA graph may capture their first use, and no first use spoils a graph that another thread captures. A device
    that is ready is not asked again.

    Args:
        device: A CUDA device; without a number, torch's current one.

    Returns:
        The device with its number.

    Raises:
        RuntimeError: CUDA, or this device, cannot be used; says why.
    """
    place = torch.device(device)
    if place.type != "cuda":
        raise RuntimeError(f"pysampler draws on the CPU and on CUDA devices, not on {device}")
    if place in _ready:  # has a number, then
        return place
    reason = problem()
    if reason is not None:
        raise RuntimeError(f"pysampler cannot use {device}: {reason}")
    found = torch.device("cuda", torch.cuda.current_device() if place.index is None else place.index)
    if found.index >= torch.cuda.device_count():
        raise RuntimeError(f"there is no CUDA device {found.index} (devices: {torch.cuda.device_count()})")
    with _one_at_a_time:
        if found not in _ready:
            with torch.cuda.device(found):
                _load_kernels(found)
            _ready.add(found)
    return found


def _load_kernels(device: torch.device) -> None:
    if draws_by_triton():
        from pysampler.cuda import triton_draws  # noqa: PLC0415 - may be missing

        triton_draws.prepare(device)
        torch.cuda.synchronize(device)
    else:
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        _cuda.prepare(device.index)


def device_names() -> list[str]:
    """Names the CUDA devices that torch can use; a broken driver counts as none."""
    if not _torch_has_devices():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _torch_has_devices() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.cuda.is_available()
        except (RuntimeError, AssertionError):
            return False


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
