"""Using CUDA where it is not to be had: a RuntimeError that says why, and a CPU part that works all the same."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch._subclasses import FakeTensorMode

import pysampler
from pysampler import AliasTable, operators
from pysampler.cuda import availability

HAS_GPU = availability.problem() is None


@pytest.fixture(autouse=True)
def without_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton, where it is installed, would draw if there were no compiled part: see test_triton.py."""
    monkeypatch.setattr(availability, "draws_by_triton", lambda: False)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A compiled part that never fails, and a torch with CUDA, whatever is really there."""
    monkeypatch.setattr(availability, "_ready", set())
    part = SimpleNamespace(problem=lambda: None, prepare=lambda device: None)
    monkeypatch.setitem(sys.modules, "pysampler._cuda", part)
    monkeypatch.setattr(pysampler, "_cuda", part, raising=False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return part


def hide_compiled_part(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    whole = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name == "pysampler._cuda":
            raise error
        return whole(name, package)

    monkeypatch.setattr(importlib, "import_module", import_module)


def record(monkeypatch: pytest.MonkeyPatch, path: Path, text: str) -> None:
    """Makes a file with this text the one that the build left."""
    path.write_text(text)
    monkeypatch.setattr(availability, "_BUILD_STATE", path)
    availability.build_state.cache_clear()
    monkeypatch.setattr(availability, "build_state", availability.build_state.__wrapped__)


def test_a_build_without_cuda_says_why_wherever_cuda_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_compiled_part(monkeypatch, ModuleNotFoundError("No module", name="pysampler._cuda"))
    record(monkeypatch, tmp_path / "state.json", json.dumps({"compiled": False, "reason": "nvcc failed with code 2"}))
    assert availability.build_text() == "not built: nvcc failed with code 2"
    assert availability.problem() == "pysampler's CUDA kernels are not built: nvcc failed with code 2"
    with pytest.raises(RuntimeError, match=r"pysampler cannot use cuda:0: .* not built: nvcc failed with code 2"):
        AliasTable([1.0, 2.0]).to("cuda:0")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"compiled": true}'])
def test_a_missing_or_damaged_record_of_the_build_is_no_error(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hide_compiled_part(monkeypatch, ModuleNotFoundError("No module", name="pysampler._cuda"))
    record(monkeypatch, tmp_path / "state.json", text)
    assert availability.build_text() == "not built: the build left no word why"


@pytest.mark.parametrize(
    "error",
    [ImportError("undefined symbol:\n x"), OSError("undefined symbol: x"), ModuleNotFoundError("undefined symbol: x")],
)
def test_a_compiled_part_that_cannot_be_loaded_is_named(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_compiled_part(monkeypatch, error)
    assert availability.build_text() == "built, but cannot be loaded: undefined symbol: x"
    assert "built, but cannot be loaded: undefined symbol: x" in str(availability.problem())


def test_a_torch_without_cuda_is_named(compiled: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert availability.problem() == (
        f"this torch ({torch.__version__}) was built without CUDA; install a CUDA build of torch"
    )


def test_what_the_driver_says_is_passed_on(compiled: SimpleNamespace) -> None:
    compiled.problem = lambda: "the NVIDIA driver is too old: it supports CUDA 12.2"
    with pytest.raises(RuntimeError, match=r"cannot use cuda: the NVIDIA driver is too old: it supports CUDA 12\.2"):
        AliasTable([1.0]).to("cuda")


def test_a_torch_that_finds_no_device_is_named(compiled: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no CUDA device" in str(availability.problem())


def test_nothing_is_wrong_where_all_is_there(compiled: SimpleNamespace) -> None:
    assert availability.problem() is None


def test_the_operator_says_why_too_though_its_table_came_as_a_plain_tensor(
    compiled: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled.problem = lambda: "the NVIDIA driver is too old"
    with FakeTensorMode():
        table, state = (torch.empty(count, dtype=torch.int64, device="cuda:0") for count in (5, 3))
    with pytest.raises(RuntimeError, match="pysampler cannot use cuda:0: the NVIDIA driver is too old"):
        operators._draw_on_cuda(table, state, 10)


def test_kernels_are_loaded_once_for_each_device_whatever_asks(
    compiled: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[int] = []
    compiled.prepare = loaded.append
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(availability.require, ["cuda", "cuda:1", "cuda:0", torch.device("cuda")] * 8))
    assert places == [torch.device("cuda", number) for number in (1, 1, 0, 1)] * 8
    assert sorted(loaded) == [0, 1]
    compiled.problem = lambda: "nobody asks again"
    assert availability.require(torch.device("cuda:0")) == torch.device("cuda:0")


def test_a_device_that_could_not_be_made_ready_is_tried_again(
    compiled: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(device: int) -> None:
        raise RuntimeError("out of memory")

    compiled.prepare = refuse
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    with pytest.raises(RuntimeError, match="out of memory"):
        availability.require("cuda:0")
    loaded: list[int] = []
    compiled.prepare = loaded.append
    availability.require("cuda:0")
    assert loaded == [0]


@pytest.mark.parametrize("device", ["mps", "meta", torch.device("xpu", 1)])
def test_other_devices_are_refused_by_name(device: torch.device | str) -> None:
    with pytest.raises(RuntimeError, match=f"draws on the CPU and on CUDA devices, not on {device}"):
        AliasTable([1.0]).to(device)


def test_to_the_cpu_is_the_table_itself() -> None:
    table = AliasTable([1.0, 2.0])
    assert table.to("cpu") is table
    assert table.device == torch.device("cpu")


@pytest.mark.skipif(availability.import_problem() is not None, reason=f"CUDA kernels: {availability.build_text()}")
class TestTheCompiledPart:
    """What can be seen of the real one without a GPU."""

    def test_it_names_its_compiler_and_runtime(self) -> None:
        from pysampler import _cuda  # noqa: PLC0415

        runtime, driver, devices = _cuda.versions()
        assert runtime >= 11000
        assert (driver > 0) >= (devices > 0)
        assert availability.build_text().startswith("built by nvcc")

    @pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
    def test_without_a_gpu_every_call_says_so(self) -> None:
        from pysampler import _cuda  # noqa: PLC0415

        reason = _cuda.problem()
        assert reason is not None
        assert "no NVIDIA driver was found" in reason or "no CUDA device was found" in reason or "too old" in reason
        with pytest.raises(RuntimeError, match=reason[:20]):
            _cuda.prepare(0)
        with pytest.raises(RuntimeError, match=reason[:20]):
            _cuda.draw_into(0, 1, 0, False, 1, 0, 0, 0, 1, 0, 0)
        with pytest.raises(RuntimeError, match=reason[:20]):
            _cuda.draw_from_state(0, 1, 0, False, 1, 0, 1, 0, 0)

    @pytest.mark.parametrize("items", [0, 2**32])
    def test_tables_of_impossible_length_are_refused(self, items: int) -> None:
        from pysampler import _cuda  # noqa: PLC0415

        with pytest.raises(ValueError, match="between 1 and"):
            _cuda.draw_into(0, items, 0, False, 1, 0, 0, 0, 1, 0, 0)
        with pytest.raises(ValueError, match="between 1 and"):
            _cuda.draw_from_state(0, items, 0, False, 1, 0, 1, 0, 0)
