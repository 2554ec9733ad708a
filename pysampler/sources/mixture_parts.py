"""The sources of a mixture: what users give, read and told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set, Sized
from fractions import Fraction
from typing import Any

import torch.utils.data

from pysampler.inputs.listed import listed
from pysampler.inputs.numbers import whole_number
from pysampler.inputs.shown import shown
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import MAX_ITEMS, Source
from pysampler.sources.class_table import ClassTable
from pysampler.sources.mixture_schedule import by_source
from pysampler.sources.mixture_shares import MAX_SOURCES, exact_share

Part = int | AliasTable | ClassTable  # a number of items, or items by weight


def parts_of(sources: Any) -> list[Part]:
    """Returns the sources, of a sequence, a dict by name or a ``ConcatDataset``.

    Raises:
        ValueError: None, more than 2^16, or more than 2^62 items.
        TypeError: No sources.
    """
    if isinstance(sources, torch.utils.data.ConcatDataset):
        sources = sources.datasets
    elif isinstance(sources, Mapping):
        sources = sources.values()
    given = listed(sources, "the sources of a mixture", MAX_SOURCES, "a sequence of sizes, datasets or tables")
    if not 0 < len(given) <= MAX_SOURCES:
        got = len(given) if len(given) <= MAX_SOURCES or not isinstance(sources, Sized) else len(sources)
        raise ValueError(f"a mixture has between 1 and 2^16 sources, but got {got}")
    parts = [_part(source, number) for number, source in enumerate(given)]
    total = sum(map(items_of, parts))
    if total > MAX_ITEMS:
        largest = max(range(len(parts)), key=lambda number: items_of(parts[number]))
        raise ValueError(
            f"a mixture has at most 2^62 items, but its sources have {total}, most of them source {largest} with "
            f"{items_of(parts[largest])}"
        )
    return parts


def items_of(part: Part) -> int:
    """Returns how many items a source has."""
    return part if isinstance(part, int) else len(part)


def _part(source: Any, number: int) -> Part:
    if type(source) is int and 0 <= source <= MAX_ITEMS:
        return source
    if isinstance(source, AliasTable | ClassTable):
        return source
    if isinstance(source, Source):
        raise TypeError(
            f"source {number} is a {type(source).__name__}, whose own order or weights a mixture would not keep: give "
            "an AliasTable or a ClassTable for items by weight, or its size for passes over all items"
        )
    if isinstance(source, str | bytes):
        raise TypeError(f"source {number} is a text, not a source: {shown(source)}")
    _refuse_unordered(source, number)
    try:
        if isinstance(source, Sized) and getattr(source, "shape", None) != ():  # a tensor of one number has none
            return len(source)
        return whole_number(source, f"the size of source {number}", 0, MAX_ITEMS)
    except (TypeError, RuntimeError):  # RuntimeError: tensors that tell no shape
        kind = type(source).__name__
        raise TypeError(
            f"source {number} must be a size, an object with a length or a table, but is {kind}: give its number of "
            "items instead"
        ) from None


def _refuse_unordered(source: Any, number: int) -> None:
    """Raises TypeError for what has a length, and yet no items 0, 1, 2 and so on."""
    if isinstance(source, Set):
        raise TypeError(
            f"source {number} is a {type(source).__name__}, which has no order to number its items by: pass a list, or "
            "its size"
        )
    if isinstance(source, Mapping) and isinstance(next(iter(source), None), str):
        parts = ", ".join(map(repr, list(source)[:8]))
        raise TypeError(f"source {number} is a {type(source).__name__} of {parts}: pass one of these")
    if isinstance(source, tuple) and [isinstance(part, str) for part in source[:3]] == [True, False]:
        raise TypeError(
            f"source {number} is a pair of a name and a source, {source[0]!r}: pass a dict of the sources by name"
        )


def names_of(sources: Any, names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Returns a name for each source: as given, else the keys of a dict of sources, else their numbers.

    Raises:
        ValueError: Not one for each, or one twice.
        TypeError: No strings.
    """
    if names is None and isinstance(sources, Mapping):
        names = list(sources)
    if names is None:
        return tuple(str(number) for number in range(count))
    given = tuple(listed(names, "names", count, "a sequence of strings"))
    if len(given) != count:
        raise ValueError(f"there must be a name for each of {count} sources, but got {len(given)}")
    seen: dict[str, int] = {}
    for number, name in enumerate(given):
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, but that of source {number} is {shown(name)}")
        if name in seen:
            raise ValueError(
                f"each source needs its own name, but {name!r} is given twice, to sources {seen[name]} and {number}"
            )
        seen[name] = number
    return given


def lengths_of(lengths: Any, names: Sequence[str]) -> tuple[Fraction, ...] | None:
    """Returns the mean length of each source's items, or None.

    Raises:
        ValueError: Not one for each source, or one that is not positive and finite.
        TypeError: No numbers.
    """
    if lengths is None:
        return None
    exact = []
    for value, name in zip(by_source(lengths, names, "lengths"), names, strict=True):
        try:
            length = exact_share(value, name)
        except (TypeError, ValueError):
            length = Fraction(0)
        if length == 0:
            raise ValueError(f"lengths must be finite and greater than 0, but that of source {name} is {shown(value)}")
        exact.append(length)
    return tuple(exact)


def digest_of(parts: Iterable[Part], window: int, stages: Iterable[tuple[int, Sequence[int]]], version: int) -> str:
    """Returns what tells mixtures apart that draw differently: the same in every process. O(N) once for tables."""
    digest = hashlib.sha256(f"mixture, window {window}, permutation {version}".encode())
    for part in parts:
        digest.update(f"; {part if isinstance(part, int) else part.fingerprint}".encode())
    for first, masses in stages:
        digest.update(f"| {first}: {list(masses)}".encode())
    return digest.hexdigest()[:32]
