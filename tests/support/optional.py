"""Optional libraries in tests: absent ones skip, unless PYSAMPLER_REQUIRE_OPTIONAL is set, as it is in CI."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def require(name: str) -> ModuleType:
    """Imports an optional library, or skips the test (the module, if called at its top)."""
    if os.environ.get("PYSAMPLER_REQUIRE_OPTIONAL"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed")
