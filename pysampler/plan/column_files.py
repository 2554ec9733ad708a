"""One column of a table in a file."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

USUAL_NAMES = ("label", "labels", "class", "target", "targets", "weight", "weights", "sample_weight", "sample_weights")
_SEPARATORS = ",;\t"
_WAY_OUT = "leave such items out with --missing drop, or make them a class with --missing class"
_WHOLE = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)


def choose_column(names: Sequence[str], wanted: str | None, place: Path) -> str:
    """Returns which of the columns, or entries, holds the labels or weights.

    Raises:
        ValueError: None called as wanted; nothing wanted, and several that it could be.
    """
    if wanted is not None:
        if wanted not in names:
            raise ValueError(f"{place} has no column {wanted!r}; its columns are {_listed(names)}")
        return wanted
    likely = [name for name in names if name.lower() in USUAL_NAMES]
    if len(names) == 1 or len(likely) == 1:
        return names[0] if len(names) == 1 else likely[0]
    raise ValueError(f"which column of {place} holds the labels or weights? Give --column, one of {_listed(names)}")


def csv_column(place: Path, wanted: str | None, missing: bool = False) -> tuple[Any, str]:
    """Reads a column of a CSV file: int64 or float64 if all cells are numbers, else a list of strings.

    The first row is a header unless one of its cells is a number or comes again below in its own column. Cells that are
    empty or "nan" hold no value: an error, unless ``missing`` is true; then they are None.

    Returns:
        The values and the column's name, or its number.

    Raises:
        ValueError: See ``read_source``.
    """
    lines, rows = _rows(place)
    header = _is_header(rows)
    names = rows[0] if header else [str(number) for number in range(len(rows[0]))]
    if len(set(names)) != len(names):
        raise ValueError(f"the columns of {place} must have different names, but they are {_listed(names)}")
    first = 1 if header else 0
    if first == len(rows):
        raise ValueError(f"{place} has a header, but no rows below it")
    if wanted is not None and wanted not in names and wanted.isdecimal() and int(wanted) < len(names):
        wanted = names[int(wanted)]
    name = choose_column(names, wanted, place)
    column = names.index(name)
    cells = [row[column] for row in rows[first:]]
    bare = [index for index, cell in enumerate(cells) if cell.strip().lower() in ("", "nan")]
    if bare and not missing:
        shown = cells[bare[0]].strip()
        raise ValueError(
            f"every item needs a value, but line {lines[first + bare[0]]} of {place} has none in column {name!r} "
            f"({len(bare)} of {len(cells)} are missing{f'; {shown!r} counts as missing' if shown else ''}); {_WAY_OUT}"
        )
    return _numbers(cells) if not bare else _with_gaps(cells, bare), name


def parquet_column(place: Path, wanted: str | None, missing: bool = False) -> tuple[Any, str]:
    """Reads a column of a parquet file: an array, or a list of strings, or of sets for a column of lists.

    Returns:
        The values and the column's name.

    Raises:
        ValueError: See ``read_source``.
        ImportError: pyarrow is missing.
    """
    try:
        import pyarrow  # noqa: PLC0415 - optional
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(f"reading {place} needs pyarrow ({error}); install it with: pip install pyarrow") from error
    try:
        file = parquet.ParquetFile(place)
        name = choose_column(file.schema_arrow.names, wanted, place)
        if file.schema_arrow.names.count(name) > 1:
            raise ValueError(f"{place} has several columns {name!r}: which one is meant?")
        column = file.read(columns=[name]).column(name)
    except pyarrow.ArrowException as error:
        raise ValueError(f"{place} cannot be read as a parquet file: {error}") from error
    if len(column) == 0:
        raise ValueError(f"{place} has no rows")
    if column.null_count and not missing:
        first = column.is_null().to_pylist().index(True)
        raise ValueError(
            f"every item needs a value, but row {first} of {place} has none in column {name!r} "
            f"({column.null_count} of {len(column)} are missing); {_WAY_OUT}"
        )
    if pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type):
        return column.to_numpy(), name
    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        return [None if labels is None else set(labels) for labels in column.to_pylist()], name
    return column.to_pylist(), name


def _rows(place: Path) -> tuple[list[int], list[list[str]]]:
    """Returns all rows that are not blank, at least one and all of the same length, with their line numbers."""
    lines, rows = [], []
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            separator = _separator(file.readline())
            file.seek(0)
            reader = csv.reader(_without_nul(file, place), delimiter=separator, strict=True)
            for row in reader:
                if row:
                    lines.append(reader.line_num)
                    rows.append(row)
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is no text in UTF-8: byte {error.start} cannot be read") from error
    except csv.Error as error:
        raise ValueError(f"{place} cannot be read as CSV: line {reader.line_num}: {error}") from error
    if not rows:
        raise ValueError(f"{place} has no rows")
    width = len(rows[0])
    ragged = next((index for index, row in enumerate(rows) if len(row) != width), None)
    if ragged is not None:
        raise ValueError(
            f"every row of {place} must have as many cells as the first, {width}, but line {lines[ragged]} has "
            f"{len(rows[ragged])}"
        )
    return lines, rows


def _without_nul(file: Iterator[str], place: Path) -> Iterator[str]:
    for line in file:
        if "\0" in line:
            raise ValueError(f"{place} is no text: it contains zero bytes")
        yield line


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _is_header(rows: list[list[str]]) -> bool:
    if any(_is_number(cell) for cell in rows[0]):
        return False
    return not any(cell in (row[index] for row in rows[1:]) for index, cell in enumerate(rows[0]))


def _is_number(cell: str) -> bool:
    try:
        return not math.isnan(float(cell))
    except ValueError:
        return False


def _numbers(cells: list[str]) -> npt.NDArray[Any] | list[str]:
    try:
        if all(map(_WHOLE.fullmatch, cells)):
            return np.array(list(map(int, cells)), dtype=np.int64)
        return np.array(list(map(float, cells)))
    except (ValueError, OverflowError):  # names; or numbers beyond 64 bits, which are names too
        return cells


def _with_gaps(cells: list[str], bare: list[int]) -> list[Any]:
    """The cells as numbers or strings, with None for those that are bare."""
    gaps = set(bare)
    others = iter(list(_numbers([cell for index, cell in enumerate(cells) if index not in gaps])))
    return [None if index in gaps else next(others) for index in range(len(cells))]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
