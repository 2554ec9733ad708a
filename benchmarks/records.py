"""Records: one measured figure each, kept with its raw rounds, saved as JSON."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 2
SLOWER = " (slower)"  # Ends the name of a variant that was beaten by another of the same contender.

Case = dict[str, int | str]


@dataclass(frozen=True)
class Record:
    """One contender in one case.

    Attributes:
        group: The question it belongs to, such as "draws".
        contender: Who was measured.
        unit: Unit of the rounds, such as "ns/draw".
        case: The axes: items, threads, draws, family, dtype, ...
        rounds: One figure per round; empty if skipped.
        how: How it was called, in words.
        note: What was different in this case, such as fewer draws per call.
        skipped: Why there is no figure, or None.
    """

    group: str
    contender: str
    unit: str
    case: Case
    rounds: list[float] = field(default_factory=list)
    how: str = ""
    note: str = ""
    skipped: str | None = None

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile; least and largest of fewer than four rounds."""
        if len(self.rounds) < 4:
            return min(self.rounds), max(self.rounds)
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """Distance of the quartiles over the median."""
        low, high = self.quartiles
        return (high - low) / self.median

    def to_json(self) -> dict[str, Any]:
        """The record with the figures derived from its rounds, for readers of the file."""
        fields = dataclasses.asdict(self)
        if self.rounds:
            fields |= {"median": self.median, "spread": self.spread}
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Record:
        """The record that `to_json` wrote; derived figures are left aside."""
        names = {each.name for each in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in names})


@dataclass
class Results:
    """All records of one run, with what is needed to judge them."""

    environment: dict[str, Any]
    settings: dict[str, Any]
    records: list[Record] = field(default_factory=list)

    def select(self, group: str, contender: str | None = None, **case: int | str) -> Iterator[Record]:
        """Yields the records, skipped ones included, whose case agrees with every given axis."""
        for record in self.records:
            if record.group != group or contender not in (None, record.contender):
                continue
            if all(record.case.get(axis) == value for axis, value in case.items()):
                yield record

    def find(self, group: str, contender: str, **case: int | str) -> Record | None:
        """The measured record of a case, or None if there is none or it was skipped."""
        return next((each for each in self.select(group, contender, **case) if each.rounds), None)

    def save(self, path: Path) -> None:
        """Writes everything as JSON; folders are made as needed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "schema": SCHEMA,
            "environment": self.environment,
            "settings": self.settings,
            "records": [record.to_json() for record in self.records],
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Reads a results file.

        Raises:
            ValueError: If the file was written with another schema.
        """
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("schema") != SCHEMA:
            raise ValueError(f"{path} has schema {content.get('schema')}, but {SCHEMA} is read here")
        records = [Record.from_json(fields) for fields in content["records"]]
        return cls(content["environment"], content["settings"], records)


def axis_value(value: int | str) -> str:
    """1000000 as "1e6", 65536 as "6.55e4", 256 as "256"."""
    if isinstance(value, int) and value >= 10_000:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return "1e3" if value == 1000 else str(value)


def ratio(numerator: Record, denominator: Record) -> float:
    """How many times larger the first is: the median over the rounds that both took part in.

    Round r of the two was measured side by side, so noise that lasts longer than a round cancels.
    """
    pairs = zip(numerator.rounds, denominator.rounds, strict=False)
    return statistics.median(above / below for above, below in pairs)
