"""Options of `pytest benchmarks`: quick by default, larger tables on request."""

from __future__ import annotations

import pytest

DEFAULT_ITEMS = "1e3,1e6"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --items."""
    parser.addoption(
        "--items",
        default=DEFAULT_ITEMS,
        help=f"table sizes N, comma-separated (default {DEFAULT_ITEMS})",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives every test that takes `items` one case per table size."""
    if "items" in metafunc.fixturenames:
        sizes = [int(float(text)) for text in metafunc.config.getoption("--items").split(",")]
        metafunc.parametrize("items", sizes, ids=[f"N={size:.0e}" for size in sizes])
