"""Session: one run in progress. Groups measure through it; it keeps the records and the clock."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence

from .environment import memory_available_bytes
from .records import SLOWER, Case, Record, Results, axis_value
from .settings import Settings
from .timing import Contender, Plan, interleave

NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6}


class Session:
    """One run of the benchmarks.

    Args:
        settings: What to measure.
        results: Where the records go.
        verbose: Whether progress is written to standard error.
    """

    def __init__(self, settings: Settings, results: Results, *, verbose: bool = True) -> None:
        self.settings = settings
        self.results = results
        self._verbose = verbose
        self._start = time.monotonic()
        self._measured = {
            (each.group, tuple((axis, value) for axis, value in each.case.items() if axis != "threads"))
            for each in results.records
            if each.rounds
        }

    def say(self, message: str) -> None:
        """Shows progress."""
        if self._verbose:
            elapsed = time.monotonic() - self._start
            print(f"[{elapsed:5.0f} s] {message}", file=sys.stderr, flush=True)

    def begin(self, group: str, case: Case, need_bytes: int = 0) -> bool:
        """Announces a case and says whether it may be measured.

        Args:
            group: Its group.
            case: Its axes.
            need_bytes: Memory it will need at its peak.

        Returns:
            False if time is up or memory short; the reason is then on record. Also if the results held the case at the
            start.
        """
        if (group, tuple(case.items())) in self._measured:
            return False
        self.say(f"{group}: " + ", ".join(f"{axis} {axis_value(value)}" for axis, value in case.items()))
        reason = None
        available = memory_available_bytes()
        if time.monotonic() - self._start > self.settings.limit_s:
            reason = f"the run's time limit of {self.settings.limit_s:.0f} s was reached before it"
        elif 0 < available < need_bytes:
            reason = f"needs {need_bytes / 1e9:.0f} GB, {available / 1e9:.0f} GB are free"
        if reason is not None:
            self.skip(group, case, "all", "", reason)
        return reason is None

    def skip(self, group: str, case: Case, contender: str, unit: str, reason: str) -> None:
        """Puts on record that there is no figure, and why."""
        self.say(f"    {contender}: skipped, {reason}")
        self.results.records.append(Record(group, contender, unit, dict(case), skipped=reason))

    def add(self, group: str, case: Case, contender: str, unit: str, *, rounds: list[float], how: str) -> None:
        """Puts figures that were not taken by `compare` on record."""
        record = Record(group, contender, unit, dict(case), rounds, how)
        self.results.records.append(record)
        self.say(f"    {contender}: {record.median:,.2f} {unit}")

    def compare(
        self,
        group: str,
        case: Case,
        contenders: Sequence[Contender],
        unit: str,
        plan: Plan | None = None,
    ) -> list[Record]:
        """Times contenders interleaved and puts their figures on record.

        Args:
            group: The group the records belong to.
            case: The axes they share; each record adds its own number of threads.
            contenders: Where several share name and threads, they are variants of one: the fastest
                bears the name, the others stay on record as "NAME (slower)".
            unit: "ns/..." , "us/..." or "ms/..." per unit of the contenders' work.
            plan: Other than the settings' plan.

        Returns:
            The new records, in the contenders' order.
        """
        if not contenders:
            return []
        scale = NANOSECONDS[unit.partition("/")[0]]
        figures = interleave(contenders, plan or self.settings.plan)
        records = [
            Record(
                group,
                contender.name,
                unit,
                case | {"threads": contender.threads},
                [figure / scale for figure in rounds],
                contender.how,
                contender.note,
            )
            for contender, rounds in zip(contenders, figures, strict=True)
        ]
        records = _name_fastest(records)
        self.results.records.extend(records)
        for record in records:
            if not record.contender.endswith(SLOWER):
                threads = f" ({record.case['threads']} threads)" if record.case["threads"] != 1 else ""
                self.say(f"    {record.contender}{threads}: {record.median:,.2f} {record.unit}")
        return records


def _name_fastest(records: Sequence[Record]) -> list[Record]:
    fastest: dict[tuple[str, int | str], Record] = {}
    for record in records:
        key = (record.contender, record.case["threads"])
        if key not in fastest or record.median < fastest[key].median:
            fastest[key] = record
    return [
        record
        if record is fastest[record.contender, record.case["threads"]]
        else dataclasses.replace(record, contender=record.contender + SLOWER)
        for record in records
    ]
