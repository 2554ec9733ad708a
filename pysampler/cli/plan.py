"""`pysampler plan SOURCE`: what weighted sampling will do to a data set, before any training."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pysampler.cli.messages import fail, one_line, positive
from pysampler.labels.missing import read_where_missing
from pysampler.labels.schemes import SCHEMES
from pysampler.labels.target_shares import complete_targets
from pysampler.plan import SamplingPlan, Source, plan_labels, plan_weights, read_source

_FORMATS = (".png", ".svg", ".pdf")
_SOURCE_HELP = (
    "a folder of images (a sub-folder per class, or the class in the file name: Siamese_12.jpg), or labels or weights "
    "in a .csv, .tsv, .parquet, .npy or .pt file"
)


def add_parser(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "plan", help="from labels or weights to shares, draws and coverage, before any training"
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help=_SOURCE_HELP)
    parser.add_argument("--column", metavar="NAME", help="column of a table, or entry of a dictionary")
    parser.add_argument("--as", dest="kind", choices=("labels", "weights"), help="what SOURCE holds, if not evident")
    parser.add_argument("--scheme", choices=SCHEMES, default="inverse", help="from counts to weights (%(default)s)")
    for parameter, scheme in (("beta", "effective"), ("alpha", "power"), ("progress", "progressive")):
        parser.add_argument(f"--{parameter}", type=float, metavar="X", help=f"parameter of scheme {scheme}")
    parser.add_argument(
        "--targets", metavar="NAME=SHARE,...", action="append", help="share of the draws of every class, sum 1"
    )
    parser.add_argument(
        "--rest",
        choices=("data", "equal"),
        help="what classes not in --targets share what is left by: their items in the data, or equally",
    )
    parser.add_argument(
        "--missing",
        choices=("error", "drop", "class"),
        default="error",
        help="what becomes of items without a label: an error, left out, or a class of their own (%(default)s)",
    )
    draws_help = "draws per epoch (default: as many as items)"
    parser.add_argument("--draws", "--num-samples", type=positive, metavar="N", help=draws_help)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw it: a .png, .svg or .pdf file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Plans, prints and draws; returns the exit code."""
    try:
        plan = _planned(arguments)
    except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
        return fail("plan", error, 2)
    if arguments.plot is not None:
        code = _plot(plan, arguments.plot)
        if code != 0:
            return code
    print(json.dumps(plan.to_dict(), indent=2, allow_nan=False) if arguments.json else plan)
    return 0


def _planned(arguments: argparse.Namespace) -> SamplingPlan:
    kept = arguments.missing != "error"
    source = read_source(arguments.source, column=arguments.column, kind=arguments.kind, missing=kept)
    if source.kind == "weights":
        for option in ("beta", "alpha", "progress", "targets", "rest", "missing", "scheme"):
            if getattr(arguments, option) not in (None, "error", "inverse"):
                raise ValueError(f"--{option} is for labels, but {source.description} are weights already")
        plan = plan_weights(source.values, num_samples=arguments.draws, source=source.description)
    else:
        plan = _labels_planned(source, arguments)
    return replace(plan, advice=(*source.notes, *plan.advice))


def _labels_planned(source: Source, arguments: argparse.Namespace) -> SamplingPlan:
    labels, targets = source.values, None
    if arguments.rest is not None and arguments.targets is None:
        raise ValueError("--rest shares what --targets leave: give these as well")
    if arguments.targets is not None:
        read, _ = read_where_missing(labels, arguments.missing)
        targets = _targets(arguments.targets, read.classes)
        if arguments.rest is not None:
            targets = complete_targets(read, targets, arguments.rest)
    return plan_labels(
        labels,
        arguments.scheme,
        beta=arguments.beta,
        alpha=arguments.alpha,
        progress=arguments.progress,
        targets=targets,
        missing=arguments.missing,
        num_samples=arguments.draws,
        source=source.description,
    )


def _targets(given: Sequence[str], classes: Sequence[Any]) -> dict[Any, float]:
    """Reads NAME=SHARE pairs with commas between them; names of classes that are numbers are numbers again."""
    by_name = {str(name): name for name in classes}
    targets: dict[Any, float] = {}
    for name, share in (pair for group in given for pair in _pairs(group, by_name)):
        key = by_name.get(name, name)
        if key in targets:
            raise ValueError(f"--targets names {name!r} twice")
        targets[key] = share
    return targets


def _pairs(group: str, known: Collection[str]) -> Iterator[tuple[str, float]]:
    """Splits NAME=SHARE,NAME=SHARE at commas, but not at those that are part of a class's name."""
    parts = group.split(",")
    while parts:
        for count in range(1, len(parts) + 1):
            pair = _pair(",".join(parts[:count]))
            if pair is not None and pair[0] in known:
                break
        else:  # no class: what stands before the first comma is to be named
            count, pair = 1, _pair(parts[0])
            if pair is None:
                raise ValueError(f"--targets must be NAME=SHARE, with commas between them, but got {parts[0]!r}")
        yield pair
        parts = parts[count:]


def _pair(text: str) -> tuple[str, float] | None:
    name, equals, share = text.rpartition("=")
    try:
        return (name.strip(), float(share)) if equals else None
    except ValueError:
        return None


def _plot(plan: SamplingPlan, path: Path) -> int:
    if path.suffix.lower() not in _FORMATS:
        return fail("plan", f"--plot draws {', '.join(_FORMATS)} files, but got {path}", 2)
    # matplotlib logs, once per machine, that it prepares its fonts: of no use to our reader.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        from pysampler import plots  # noqa: PLC0415 - optional

        plots.sampling_plan(plan).savefig(path)
    except (ImportError, ValueError) as error:  # matplotlib is missing, or knows no such format
        return fail("plan", error, 2)
    except OSError as error:
        return fail("plan", f"{one_line(error)} (can --plot be written to?)", 1)
    return 0
