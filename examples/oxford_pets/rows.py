"""The numbers of the article's steps, each beside its closed form and what the article saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTHS = (46, 10, 12, 12)


@dataclass(frozen=True)
class Row:
    """One number.

    Attributes:
        what: What was measured, in words.
        measured: In this run.
        expected: By the closed form; None where there is none.
        article: What the article says, as it says it; "" if nothing.
        unit: "" or "%": then the numbers are shares.
        digits: Decimals to print.
    """

    what: str
    measured: float
    expected: float | None
    article: str = ""
    unit: str = ""
    digits: int = 0

    def value(self, number: float | None) -> str:
        """Writes a number in the row's unit."""
        if number is None:
            return "-"
        scaled = 100 * number if self.unit == "%" else number
        return f"{scaled:.{self.digits}f}{' %' if self.unit else ''}"


def lines(rows: Sequence[Row]) -> list[str]:
    """Lays out rows below a heading."""
    cells = [("", "this run", "closed form", "the article")]
    cells += [(row.what, row.value(row.measured), row.value(row.expected), row.article or "-") for row in rows]
    return ["   " + _line(first, rest) for first, *rest in cells]


def _line(first: str, rest: Sequence[str]) -> str:
    return first.ljust(_WIDTHS[0]) + "".join(map(str.rjust, rest, _WIDTHS[1:]))
