"""`pysampler plan --mixture`: what a run over several sources will see of each."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pysampler.plan import read_source
from pysampler.plan.mixture import MixturePlan, plan_mixture
from pysampler.sources.mixture import Mixture
from pysampler.sources.mixture_shares import temperature, unimax

_OPTIONS = ("run_draws", "shares", "stage", "temperature", "unimax", "lengths")
_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for mixtures."""
    group = parser.add_argument_group("mixtures", "instead of SOURCE; numbers may be written 2000, 3e9, 1.5M")
    group.add_argument(
        "--mixture",
        metavar="NAME=SIZE,...",
        action="append",
        help="sources: their numbers of items, or a folder (its files are counted) or a file as SOURCE",
    )
    group.add_argument("--run", dest="run_draws", metavar="N", help="draws of the whole run (default: the items)")
    group.add_argument("--shares", metavar="NAME=SHARE,...", action="append", help="(default: the sizes)")
    group.add_argument("--stage", metavar="AT:NAME=SHARE,...", action="append", help="other shares from draw AT on")
    group.add_argument("--temperature", type=float, metavar="T", help="shares by size, or length, ** (1 / T)")
    group.add_argument("--unimax", type=float, metavar="PASSES", help="even shares, no source seen more than so often")
    group.add_argument("--window", metavar="W", default="256", help="draws in which shares hold (default: %(default)s)")
    group.add_argument("--lengths", metavar="NAME=TOKENS,...", action="append", help="mean length of an item")


def planned(arguments: argparse.Namespace) -> MixturePlan:
    """Plans what the options say.

    Raises:
        ValueError: Options that contradict each other, or that cannot be read.
        OSError: A folder or file that cannot be read.
    """
    if arguments.mixture is None:
        raise ValueError(f"give --mixture, what --{next(_given(arguments, _OPTIONS))} is about, or leave it out")
    if arguments.source is not None:
        raise ValueError("give SOURCE or --mixture, not both")
    for option in _given(arguments, ("column", "beta", "alpha", "progress", "targets", "draws")):
        instead = "--run" if option == "draws" else "--shares"
        raise ValueError(f"--{option} is about labels and weights: of a mixture, give {instead}")
    sources = {name: _size(text, name) for name, text in _pairs(arguments.mixture, "--mixture")}
    given = list(_given(arguments, ("shares", "temperature", "unimax")))
    if len(given) > 1:
        raise ValueError(f"--{given[0]} and --{given[1]} both say what the shares are: give one of them")
    draws = sum(sources.values()) if arguments.run_draws is None else _number(arguments.run_draws, "--run")
    lengths = None if arguments.lengths is None else _values(arguments.lengths, "--lengths")
    mixture = Mixture(
        sources, _stages(arguments, sources, draws), window=_number(arguments.window, "--window"), lengths=lengths
    )
    shown = ", ".join(list(sources)[:6]) + (f" and {len(sources) - 6} more" if len(sources) > 6 else "")
    return plan_mixture(mixture, draws, source=f"mixture of {shown}")


def is_wanted(arguments: argparse.Namespace) -> bool:
    """Whether any option is about a mixture."""
    return any(_given(arguments, ("mixture", *_OPTIONS)))


def _given(arguments: argparse.Namespace, options: Sequence[str]) -> Iterator[str]:
    return (option.split("_")[0] for option in options if getattr(arguments, option) is not None)


def _stages(arguments: argparse.Namespace, sources: dict[str, int], draws: int) -> Any:
    sizes = list(sources.values())
    means = [1.0] * len(sizes)
    if arguments.lengths is not None:  # shares are of length then
        lengths = _values(arguments.lengths, "--lengths")
        means = [lengths.get(name, 1.0) for name in sources]  # the mixture names those that are missing
    in_all = [size * mean for size, mean in zip(sizes, means, strict=True)]
    shares: Any = in_all
    if arguments.shares is not None:
        shares = _values(arguments.shares, "--shares")
    elif arguments.temperature is not None:
        shares = temperature(in_all, arguments.temperature)
    elif arguments.unimax is not None:
        even = unimax(sizes, draws, arguments.unimax)
        shares = [share * mean for share, mean in zip(even, means, strict=True)]
    if arguments.stage is None:
        return shares
    stages = [(0, shares)]
    for text in arguments.stage:
        at, colon, rest = text.partition(":")
        if not colon:
            raise ValueError(f"--stage must be AT:NAME=SHARE,..., but got {text!r}")
        stages.append((_number(at, "--stage"), _values([rest], "--stage")))
    return stages


def _pairs(given: Sequence[str], option: str) -> list[tuple[str, str]]:
    pairs: dict[str, str] = {}
    for pair in (pair for group in given for pair in group.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ValueError(f"{option} must be NAME=VALUE, with commas between them, but got {pair!r}")
        if name.strip() in pairs:
            raise ValueError(f"{option} names {name.strip()!r} twice")
        pairs[name.strip()] = value.strip()
    return list(pairs.items())


def _values(given: Sequence[str], option: str) -> dict[str, float]:
    values = {}
    for name, text in _pairs(given, option):
        try:
            values[name] = float(text)
        except ValueError:
            raise ValueError(f"{option} must give numbers, but {name!r} has {text!r}") from None
    return values


def _size(text: str, name: str) -> int:
    try:
        return _number(text, name)
    except ValueError:
        place = Path(text)
    if not place.exists():
        raise ValueError(f"the size of {name!r} is a number, a folder or a file, but {text!r} is none of these")
    if place.is_dir():
        count = sum(entry.is_file() for entry in place.rglob("*") if not entry.name.startswith("."))
        if count == 0:
            raise ValueError(f"the folder {place} of {name!r} has no files")
        return count
    return len(read_source(place).values)


def _number(text: str, option: str) -> int:
    unit = _UNITS.get(text[-1:].lower(), 1)
    try:
        value = float(text[:-1] if unit > 1 else text)
    except ValueError:
        value = math.nan
    if text.isdecimal():
        return int(text)
    if not (value >= 0 and value * unit == round(value * unit)):  # also NaN and infinity
        raise ValueError(f"{option} must be a whole number such as 2000, 3e9 or 1.5M, but got {text!r}")
    return round(value * unit)
