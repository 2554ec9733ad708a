"""The class that Lightning's callbacks derive from, whichever of its two packages is in use."""

from __future__ import annotations

import importlib
import sys
from typing import Any

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def callback_class() -> Any:
    """Returns ``Callback`` of the package that has been imported, else of the one that is installed.

    Raises:
        ImportError: Neither is.
    """
    for package in sorted(_PACKAGES, key=lambda name: name not in sys.modules):
        try:
            return importlib.import_module(package).Callback
        except ModuleNotFoundError as error:
            if error.name is None or not package.startswith(error.name):
                raise
    raise ImportError("this needs Lightning: pip install lightning")
