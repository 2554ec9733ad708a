"""The measuring apparatus itself: order of rounds, records, report, families."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from .peers import affordable_draws
from .plots import loops_plot
from .records import Case, Record, Results, ratio
from .report import render, wanted_table, write_report
from .session import Session
from .settings import QUICK
from .timing import Plan, Unavailable, interleave
from .wanted import WANTED
from .weight_families import FAMILIES, make_weights

ENVIRONMENT = {
    "commit": "0" * 40,
    "dirty": False,
    "date": "2030-01-01",
    "cpu": "some CPU",
    "cores": 2,
    "memory_gb": 24.0,
    "system": "Linux",
    "python": "3.12",
    "compiler": "c++ 13",
    "cpu_target": "avx2",
    "cpu_targets": ["avx2", "portable"],
    "libraries": {"torch": "2.13.0", "numpy": "2.0.0", "scipy": None},
}


@dataclass
class Pretender:
    """A contender that takes a given time and writes down when it was asked."""

    name: str
    call_ns: int
    diary: list[str] = field(default_factory=list)
    threads: int = 1
    work: int = 10
    how: str = "pretends"
    note: str = ""

    def block_ns(self, loops: int) -> int:
        self.diary.append(self.name)
        return loops * self.call_ns


def empty_results() -> Results:
    return Results(dict(ENVIRONMENT), {"name": "quick"})


def test_contenders_take_turns_in_every_round() -> None:
    diary: list[str] = []
    pair = [Pretender("A", 10**7, diary), Pretender("B", 10**7, diary)]
    figures = interleave(pair, Plan(rounds=3, block_s=0.001, budget_s=1))
    assert figures == [[10.0**6] * 3, [10.0**6] * 3]
    assert "".join(diary[-6:]) == "ABABAB"


def test_a_slow_contender_takes_part_in_fewer_rounds() -> None:
    pair = [Pretender("slow", 4 * 10**8), Pretender("fast", 10**7)]
    slow, fast = interleave(pair, Plan(rounds=5, block_s=0.001, budget_s=1))
    assert (len(slow), len(fast)) == (2, 5)


def test_the_fastest_variant_bears_the_name_and_the_others_stay_on_record() -> None:
    results = empty_results()
    session = Session(QUICK, results, verbose=False)
    session.compare("draws", {"items": 10}, [Pretender("x", 900), Pretender("x", 700)], "ns/draw")
    assert [record.contender for record in results.records] == ["x (slower)", "x"]


def test_a_ratio_is_taken_round_by_round() -> None:
    above = Record("g", "a", "ns/draw", {}, [2.0, 40.0, 6.0])
    below = Record("g", "b", "ns/draw", {}, [1.0, 20.0, 3.0])
    assert ratio(above, below) == 2.0


def test_a_label_of_speed_says_how_long_the_bars_are() -> None:
    results = empty_results()
    for name, rounds in (
        ("pysampler WeightedRandomSampler", [1.0, 2.0, 9.0]),
        ("torch WeightedRandomSampler", [9.0, 8.0, 9.0]),
    ):
        results.records.append(Record("loops", name, "ns/index", {"items": 10}, rounds))
    figure = loops_plot(results)
    assert figure is not None
    (axes,) = figure.axes
    torch_bar, our_bar = (bar.get_width() for stack in axes.containers for bar in stack)
    assert (torch_bar, our_bar) == (9.0, 2.0)
    assert "4.50x as fast" in "".join(text.get_text() for text in axes.texts)


def test_draws_are_reduced_to_a_quarter_at_most() -> None:
    now = [0.0]

    def draw(draws: int) -> None:
        now[0] += 0.5 + 1e-3 * draws

    def afford(call_s: float) -> int:
        return affordable_draws(draw, 1000, call_s, clock=lambda: now[0])

    assert afford(2.0) == 1000
    assert afford(0.75) == pytest.approx(500, abs=1)
    with pytest.raises(Unavailable, match="already"):
        afford(0.3)


def test_a_report_is_made_from_the_file_alone(tmp_path: Path) -> None:
    results = empty_results()
    draws: Case = {"draws": 10**7, "threads": 1, "family": "uniform"}
    for items in (10**6, 10**7):
        for name, figure in (("pysampler", 2.0), ("torch.multinomial", 200.0)):
            case: Case = {"items": items, **draws}
            results.records.append(Record("draws", name, "ns/draw", case, [figure], "called"))
    reason = "gsl_peer.c does not compile"
    results.records.append(Record("draws", "GSL", "ns/draw", {"items": 10}, skipped=reason))
    path = tmp_path / "some.json"
    results.save(path)
    write_report(path)
    text = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "200 (100x)" in text
    assert reason in text
    assert "| draws, N = 1e7, against torch.multinomial | ≥ 80 x | 100 x | yes |" in text
    assert render(Results.load(path), []) in text or path.with_name("some-draws.png").exists()


def test_what_was_not_measured_is_said_so() -> None:
    assert f"Not measured in this run: {len(WANTED)} others" in wanted_table(empty_results())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_finite_and_usable(family: str, dtype: str) -> None:
    weights = make_weights(1000, family, dtype)
    assert weights.shape == (1000,)
    assert weights.dtype == dtype
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert weights.any()
    assert np.array_equal(weights, make_weights(1000, family, dtype))


def test_the_slowest_cell_of_rows_is_said_and_cells_without_a_figure_stay_white() -> None:
    pytest.importorskip("matplotlib")
    from .row_map import _colour, rows_plot  # noqa: PLC0415 - needs matplotlib

    results = empty_results()
    assert rows_plot(results) is None
    for draws, ours, theirs in ((1, 2.0, 8.0), (4, 4.0, 2.0)):
        case: Case = {
            "rows": 8,
            "columns": 10,
            "draws": draws,
            "replacement": "True",
            "weights": "uniform",
            "threads": 1,
        }
        for name, figure in (("pysampler", ours), ("torch.multinomial", theirs)):
            results.records.append(Record("rows", name, "us/call", case, [figure] * 3))
    figure = rows_plot(results)
    assert figure is not None
    assert {text.get_text() for text in figure.axes[0].texts} == {"4", "0.5"}
    assert _colour(4.0) == 2
    assert _colour(float("nan")) != _colour(float("nan"))


def test_a_run_in_parts_measures_each_case_once() -> None:
    results = empty_results()
    first = Session(QUICK, results, verbose=False)
    assert first.begin("draws", {"items": 10})
    first.compare("draws", {"items": 10}, [Pretender("a", 5)], "ns/draw")
    first.skip("draws", {"items": 20}, "all", "", "the run's time limit")
    second = Session(QUICK, results, verbose=False)
    assert not second.begin("draws", {"items": 10})
    assert second.begin("draws", {"items": 20})
    assert second.begin("build", {"items": 10})
