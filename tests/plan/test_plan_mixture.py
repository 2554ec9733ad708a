"""Plans of mixtures are the run itself, counted beforehand; figures show them, and the command prints them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optional import require

from pysampler import AliasTable, Mixture, cli, plots, temperature, unimax
from pysampler.plan import plan_mixture
from pysampler.plan.mixture_report import mixture_as_text, mixture_as_values

NAMES, SIZES = ("web", "code", "books"), (900, 300, 40)
STAGES: Any = [(0, (7, 2, 1)), (640, (1, 1, 2))]


def mixture(shares: Any = STAGES, **more: Any) -> Mixture:
    return Mixture(SIZES, shares, **{"window": 64, "names": NAMES, **more})


@settings(max_examples=40)
@given(st.integers(1, 3000), st.integers(0, 3), st.sampled_from([1, 7, 64, 500]))
def test_counts_passes_and_repeats_are_those_of_the_run(draws: int, seed: int, window: int) -> None:
    mixed = Mixture(SIZES, [(0, (7, 2, 1)), (640, (1, 1, 2))], window=window, names=NAMES)
    plan = plan_mixture(mixed, draws, seed=seed)
    order = mixed.order(draws, seed=seed)
    for number, own in enumerate(plan.sources):
        places = np.flatnonzero(order == number)
        assert (own.draws, own.passes) == (len(places), len(places) / SIZES[number])
        assert own.draw_share == len(places) / draws
        assert own.unseen == max(0, SIZES[number] - len(places))
        if len(places) > SIZES[number]:
            # The second pass begins in that window, though not as its first draw of the source.
            assert own.repeats_from is not None
            assert own.repeats_from // window == places[SIZES[number]] // window
        else:
            assert own.repeats_from is None
    for at, counts in zip(plan.positions.tolist(), plan.counts.tolist(), strict=True):
        assert counts == np.bincount(order[:at], minlength=3).tolist()
    assert plan.positions[-1] == draws


def test_stages_tokens_and_tables_are_told() -> None:
    plan = plan_mixture(mixture(), 2000, lengths={"web": 500, "code": 100, "books": 9000})
    assert [first for first, _ in plan.stages] == [0, 640]
    assert plan.stages[0][1] == pytest.approx((0.7, 0.2, 0.1))
    assert [own.length for own in plan.sources] == [
        own.draws * length for own, length in zip(plan.sources, (500, 100, 9000), strict=True)
    ]
    assert sum(own.length_share or 0 for own in plan.sources) == pytest.approx(1)
    assert plan_mixture(mixture(), 600).stages[1:] == ()  # not reached
    by_length = plan_mixture(mixture((1, 1, 1), lengths=(500, 100, 50)), 6000)
    assert [own.length_share for own in by_length.sources] == pytest.approx([1 / 3] * 3, abs=0.01)
    table = plan_mixture(Mixture([50, AliasTable([1.0, 2.0])], (1, 1), window=10), 100)
    assert table.sources[1].repeats_from is None
    assert table.sources[1].passes == 25


def test_advice_says_what_repeats_and_what_is_left_out() -> None:
    plan = plan_mixture(mixture(), 2000)
    text = " ".join(plan.advice)
    assert re.search(r"Each item of 'books' comes about \d+(\.\d+)? times: of text", text)
    assert "'books' comes" not in " ".join(plan_mixture(mixture((9, 3, 0.4)), 1000).advice)
    cut = " ".join(plan_mixture(mixture(), 100).advice)
    assert re.search(r"comes to [\d.]+ % of 'code' only, and not to all of 2 more sources", cut)
    assert "Nothing of 'code' is drawn" in " ".join(plan_mixture(mixture((1, 0, 1)), 100).advice)
    small = plan_mixture(Mixture([50] * 300, window=64), 1000)
    assert "300 sources have less than one draw in a window of 64" in " ".join(small.advice)
    wide = plan_mixture(Mixture([10**6, 100], (1, 1), names=("web", "tiny")), 10**6)
    assert "10,000 times as often as the least" in " ".join(wide.advice)


def test_text_and_values_hold_the_same() -> None:
    plan = plan_mixture(mixture(), 2000, lengths=(500, 100, 9000))
    text, values = mixture_as_text(plan), json.loads(json.dumps(mixture_as_values(plan)))
    assert max(map(len, text.splitlines())) <= 100
    for own, shown in zip(plan.sources, values["sources"], strict=True):
        assert shown["draws"] == own.draws
        assert re.search(rf"^{own.name} .*\b{own.draws}\b", text, re.M)
    assert "from draw 640: books 50.0 %" in text
    assert values["curve"]["counts"] == plan.counts.tolist()
    many = plan_mixture(Mixture([50 + number for number in range(100)]), 1000)
    assert "... 60 more sources" in mixture_as_text(many)
    assert len(mixture_as_values(many)["sources"]) == 100


def test_a_run_of_ten_billion_items_is_planned_without_drawing_it() -> None:
    plan = plan_mixture(Mixture([10**9] * 10, temperature(range(1, 11), 2), window=4096), 10**12)
    assert sum(own.draws for own in plan.sources) == 10**12
    assert plan.sources[9].repeats_from is not None


# ---- figures ------------------------------------------------------------------------------------


def test_figures_show_what_was_delivered_and_what_was_planned() -> None:
    require("matplotlib")
    plan = plan_mixture(mixture(), 2000)
    figure = plots.mixture_plan(plan)
    delivered, planned = figure.data["delivered"], figure.data["planned"]
    assert delivered.shape == planned.shape == (3, len(plan.positions) - 1)
    pieces = np.diff(plan.positions)
    assert np.array_equal(np.rint(delivered * pieces), np.diff(plan.counts, axis=0).T)
    assert delivered.sum(axis=0) == pytest.approx(1)
    before = plan.positions[1:] <= 640
    assert pytest.approx(np.tile((0.7, 0.2, 0.1), (before.sum(), 1))) == planned[:, before].T
    assert pytest.approx(np.tile((0.25, 0.25, 0.5), ((~before).sum(), 1))) == planned[:, ~before].T
    assert np.abs((delivered - planned) * pieces)[:, :-1].max() < 1  # windows; but the last piece is a part of one
    assert figure.data["passes"].tolist() == [own.passes for own in plan.sources]
    assert np.array_equal(plots.source_shares(plan).data["delivered"], delivered)
    assert plots.source_passes(plan, title="Mine").get_suptitle() == "Mine"
    bars = figure.axes[1].patches
    widths = {round(bar.get_y() + bar.get_height() / 2): 0.0 for bar in bars}
    for bar in bars:
        widths[round(bar.get_y() + bar.get_height() / 2)] += bar.get_width()
    assert [widths[row] for row in range(3)] == pytest.approx([own.passes for own in plan.sources])


@pytest.mark.parametrize("sources", [1, 11, 60])
@pytest.mark.parametrize("draws", [1, 10**7])
def test_figures_of_any_size_can_be_drawn(tmp_path: Path, sources: int, draws: int) -> None:
    require("matplotlib")
    mixed = Mixture({f"lang$_{n}": 10 ** (n % 6) for n in range(sources)}, list(range(1, sources + 1)))
    figure = plots.mixture_plan(plan_mixture(mixed, draws))
    figure.savefig(tmp_path / "plan.png")
    assert figure.data["delivered"].sum(axis=0) == pytest.approx(1)


# ---- the command --------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["plan", *arguments]) == 0
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    return json.loads(run(capsys, *arguments, "--json"))  # type: ignore[no-any-return]


def test_the_command_takes_sizes_folders_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep").mkdir()
    for number in range(7):
        (tmp_path / "deep" / f"{number}.txt").touch()
    np.save(tmp_path / "labels.npy", np.zeros(11, dtype=np.int64))
    sources = f"web=1.5k,code={tmp_path},books={tmp_path / 'labels.npy'},big=2e3"
    plan = as_json(capsys, "--mixture", sources, "--run", "3M")
    assert [own["items"] for own in plan["sources"]] == [1500, 8, 11, 2000]
    assert plan["draws"] == 3_000_000
    text = run(capsys, "--mixture", "web=900,code=300", "--mixture", "books=40", "--run", "2k")
    assert text.startswith("mixture of web, code, books\n3 sources of 1240 items; a run of 2000 draws")


def test_the_command_takes_shares_in_every_way(capsys: pytest.CaptureFixture[str]) -> None:
    sources = ("--mixture", "web=900,code=300,books=40")

    def shares(*more: str) -> list[float]:
        return list(as_json(capsys, *sources, "--run", "6000", *more)["stages"][-1]["shares"])

    assert shares() == pytest.approx([size / 1240 for size in SIZES])
    assert shares("--shares", "books=1,web=2,code=1") == pytest.approx([0.5, 0.25, 0.25])
    assert shares("--temperature", "2") == pytest.approx(temperature(SIZES, 2))
    assert shares("--unimax", "4") == pytest.approx(unimax(SIZES, 6000, 4))
    assert shares("--stage", "3000:web=1,code=1,books=2", "--window", "100") == pytest.approx([0.25, 0.25, 0.5])
    plan = as_json(capsys, *sources, "--lengths", "web=10,code=20,books=1000", "--run", "10k")
    assert [own["draw_share"] for own in plan["sources"]] == pytest.approx([size / 1240 for size in SIZES], abs=1e-3)
    plan = as_json(capsys, *sources, "--lengths", "web=10,code=20,books=1000", "--shares", "web=1,code=1,books=1")
    assert [own["length_share"] for own in plan["sources"]] == pytest.approx([1 / 3] * 3, abs=0.15)
    plan = as_json(capsys, *sources, "--lengths", "web=10,code=20,books=1000", "--unimax", "3", "--run", "3000")
    assert max(own["passes"] for own in plan["sources"]) < 3.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mixture", "web"], "must be NAME=VALUE"),
        (["--mixture", "web=1,web=2"], "names 'web' twice"),
        (["--mixture", "web=1.5"], "the size of 'web' is a number, a folder or a file, but '1.5' is none"),
        (["--mixture", "web=nan"], "'nan' is none of these"),
        (["--mixture", "web=5", "--shares", "code=1"], "'code' is unknown"),
        (["--mixture", "web=5", "--shares", "web=x"], "must give numbers, but 'web' has 'x'"),
        (["--mixture", "web=5", "--shares", "web=1", "--temperature", "2"], "--shares and --temperature both say"),
        (["--mixture", "web=5", "--run", "1.5"], "--run must be a whole number such as 2000"),
        (["--mixture", "web=5", "--run", "0"], "draws must be in [1,"),
        (["--mixture", "web=5", "--stage", "web=1"], "--stage must be AT:NAME=SHARE"),
        (["--mixture", "web=5", "--lengths", "code=1"], "lengths must name each source"),
        (["--mixture", "web=5", "--draws", "9"], "--draws is about labels and weights: of a mixture, give --run"),
        (["somewhere", "--mixture", "web=5"], "give SOURCE or --mixture, not both"),
        (["--run", "5"], "give --mixture, what --run is about"),
        ([], "give SOURCE, or sources"),
    ],
)
def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert cli.main(["plan", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_command_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("matplotlib")
    run(capsys, "--mixture", "web=900,code=300", "--run", "2k", "--plot", str(tmp_path / "plan.png"))
    assert (tmp_path / "plan.png").stat().st_size > 10_000
