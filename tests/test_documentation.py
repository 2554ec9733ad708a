import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import pysampler

# Whose examples need another library or a GPU.
_OPTIONAL = (
    "pysampler.integrations.",
    "pysampler.plots",
    "pysampler.demo",
    "pysampler.cuda.marks",
    "pysampler.cuda.triton_draws",
)
_MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(pysampler.__path__, "pysampler.")
    if not module.name.startswith(_OPTIONAL) and not module.name.rpartition(".")[2].startswith("_")
)
_ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", _MODULES)
def test_examples_in_docstrings_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some save files
    module = importlib.import_module(name)
    outcome = doctest.testmod(module, extraglobs=vars(pysampler), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = sum(len(finder.find(importlib.import_module(name))) for name in _MODULES)
    assert found > 50


def _code() -> str:
    pages = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    return "\n".join(re.findall(r"^```(?:python|\{code-cell\}[^\n]*)\n(.*?)^```$", text, re.M | re.S))


@pytest.mark.skipif(
    not (_ROOT / "docs").is_dir(), reason="the documentation lies beside the tests in a source folder only"
)
@pytest.mark.parametrize("name", sorted(set(pysampler.__all__) - {"__version__"}))
def test_every_public_name_has_an_example_that_runs(name):
    """In a docstring, or in a page whose code .ci/run runs."""
    docstring = getattr(pysampler, name).__doc__ or ""
    assert ">>>" in docstring or re.search(rf"\b{name}\b", _code()), f"no example of {name}"
