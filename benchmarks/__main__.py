"""`python -m benchmarks`: measure, then write JSON, tables and plots.

python -m benchmarks                  the standard run, at most 12 minutes, needs 11 GB for N = 1e8
python -m benchmarks --quick          about a minute, small tables
python -m benchmarks --groups draws,build
python -m benchmarks --add --groups X  these groups again, the others as they stand in the file
python -m benchmarks --huge           also N = 1e9, needs 21 GB
python -m benchmarks --groups rows --name rows --limit 180 --resume   in parts: again until nothing is left
python -m benchmarks report FILE      tables and plots again, from the JSON of an earlier run
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from .environment import describe
from .groups import GROUPS
from .records import Results
from .report import write_report
from .session import Session
from .settings import QUICK, STANDARD, Settings

RESULTS = Path(__file__).resolve().parent / "results"


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line."""
    options = _parser().parse_args(arguments)
    if options.command == "report":
        write_report(options.file)
        return
    settings = dataclasses.replace(QUICK if options.quick else STANDARD, huge=options.huge)
    if options.limit is not None:
        settings = dataclasses.replace(settings, limit_s=options.limit)
    path = RESULTS / f"{options.name or settings.name}.json"
    run(settings, options.groups, path, add=options.add, resume=options.resume)
    write_report(path)


def run(settings: Settings, groups: list[str], path: Path, *, add: bool = False, resume: bool = False) -> None:
    """Measures the groups; saves after each, so that a run cut short keeps its part.

    With ``add``, what an earlier run into the same file has measured of other groups is kept; with ``resume``, all that
    it has measured is. The file's environment is that of the last run.
    """
    results = Results(describe(), dataclasses.asdict(settings))
    standing = Results.load(path).records if (add or resume) and path.exists() else []
    if resume:
        results.records = [record for record in standing if record.rounds]
    session = Session(settings, results)
    for number, group in enumerate(groups, 1):
        session.say(f"group {number} of {len(groups)}: {group}")
        GROUPS[group](session)
        again = {record.group for record in results.records}
        kept = [record for record in standing if record.group not in again]
        dataclasses.replace(results, records=kept + results.records).save(path)
    session.say(f"saved {path}")


def _group_list(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in GROUPS:
            raise argparse.ArgumentTypeError(f"no group {name!r}; there are {', '.join(GROUPS)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="about a minute, small tables")
    parser.add_argument("--huge", action="store_true", help="also N = 1e9; needs 21 GB of memory")
    parser.add_argument("--add", action="store_true", help="keep what the file holds of other groups")
    parser.add_argument(
        "--groups",
        type=_group_list,
        default=list(GROUPS),
        help="comma-separated: " + ", ".join(GROUPS),
    )
    parser.add_argument("--limit", type=float, help="seconds after which no case begins")
    parser.add_argument("--resume", action="store_true", help="only cases that the file of results does not hold")
    parser.add_argument("--name", help="file name of the results, without suffix")
    commands = parser.add_subparsers(dest="command")
    report = commands.add_parser("report", help="tables and plots from a results file")
    report.add_argument("file", type=Path, help="a JSON file written by an earlier run")
    return parser


if __name__ == "__main__":
    main()
