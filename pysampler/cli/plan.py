"""`pysampler plan SOURCE`: what weighted sampling will do to a data set, before any training."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pysampler.cli import plan_mixture
from pysampler.cli.messages import fail, one_line, positive
from pysampler.labels.read import read_labels
from pysampler.labels.schemes import SCHEMES
from pysampler.plan import SamplingPlan, Source, plan_labels, plan_weights, read_source
from pysampler.plan.mixture import MixturePlan
from pysampler.plan.mixture_report import mixture_as_text, mixture_as_values
from pysampler.plan.report import as_text, as_values

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
    parser.add_argument("source", metavar="SOURCE", type=Path, nargs="?", help=_SOURCE_HELP)
    parser.add_argument("--column", metavar="NAME", help="column of a table, or entry of a dictionary")
    parser.add_argument("--as", dest="kind", choices=("labels", "weights"), help="what SOURCE holds, if not evident")
    parser.add_argument("--scheme", choices=SCHEMES, default="inverse", help="from counts to weights (%(default)s)")
    for parameter, scheme in (("beta", "effective"), ("alpha", "power"), ("progress", "progressive")):
        parser.add_argument(f"--{parameter}", type=float, metavar="X", help=f"parameter of scheme {scheme}")
    parser.add_argument(
        "--targets", metavar="NAME=SHARE,...", action="append", help="share of the draws of every class, sum 1"
    )
    parser.add_argument("--draws", type=positive, metavar="N", help="draws per epoch (default: as many as items)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw it: a .png, .svg or .pdf file")
    plan_mixture.add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Plans, prints and draws; returns the exit code."""
    try:
        plan = plan_mixture.planned(arguments) if plan_mixture.is_wanted(arguments) else _planned(arguments)
    except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
        return fail("plan", error, 2)
    if arguments.plot is not None:
        code = _plot(plan, arguments.plot)
        if code != 0:
            return code
    if isinstance(plan, MixturePlan):
        shown: Any = mixture_as_values(plan) if arguments.json else mixture_as_text(plan)
    else:
        shown = as_values(plan) if arguments.json else as_text(plan)
    print(json.dumps(shown, indent=2, allow_nan=False) if arguments.json else shown)
    return 0


def _planned(arguments: argparse.Namespace) -> SamplingPlan:
    if arguments.source is None:
        raise ValueError("give SOURCE, or sources and their sizes by --mixture")
    source = read_source(arguments.source, column=arguments.column, kind=arguments.kind)
    if source.kind == "weights":
        for option in ("beta", "alpha", "progress", "targets"):
            if getattr(arguments, option) is not None:
                raise ValueError(f"--{option} turns labels into weights, but {source.description} are weights already")
        if arguments.scheme != "inverse":
            raise ValueError(f"--scheme turns labels into weights, but {source.description} are weights already")
        plan = plan_weights(source.values, num_samples=arguments.draws, source=source.description)
    else:
        plan = _labels_planned(source, arguments)
    return replace(plan, advice=(*source.notes, *plan.advice))


def _labels_planned(source: Source, arguments: argparse.Namespace) -> SamplingPlan:
    labels = read_labels(source.values)
    targets = None if arguments.targets is None else _targets(arguments.targets, labels.classes)
    return plan_labels(
        labels,
        arguments.scheme,
        beta=arguments.beta,
        alpha=arguments.alpha,
        progress=arguments.progress,
        targets=targets,
        num_samples=arguments.draws,
        source=source.description,
    )


def _targets(given: Sequence[str], classes: Sequence[Any]) -> dict[Any, float]:
    """Reads NAME=SHARE pairs; names of classes that are numbers are numbers again."""
    by_name = {str(name): name for name in classes}
    targets: dict[Any, float] = {}
    for pair in (pair for group in given for pair in group.split(",")):
        name, equals, share = pair.rpartition("=")
        try:
            value = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise ValueError(f"--targets must be NAME=SHARE, with commas between them, but got {pair!r}")
        key = by_name.get(name.strip(), name.strip())
        if key in targets:
            raise ValueError(f"--targets names {name.strip()!r} twice")
        targets[key] = value
    return targets


def _plot(plan: SamplingPlan | MixturePlan, path: Path) -> int:
    if path.suffix.lower() not in _FORMATS:
        return fail("plan", f"--plot draws {', '.join(_FORMATS)} files, but got {path}", 2)
    # matplotlib logs, once per machine, that it prepares its fonts: of no use to our reader.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        from pysampler import plots  # noqa: PLC0415 - optional

        figure = plots.mixture_plan(plan) if isinstance(plan, MixturePlan) else plots.sampling_plan(plan)
        figure.savefig(path)
    except (ImportError, ValueError) as error:  # matplotlib is missing, or knows no such format
        return fail("plan", error, 2)
    except OSError as error:
        return fail("plan", f"{one_line(error)} (can --plot be written to?)", 1)
    return 0
