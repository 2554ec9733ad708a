"""The types written by hand for the compiled modules: every function has the arguments that its docstring says it has.

mypy.stubtest, which CI runs, compares names and kinds of things; it cannot see arguments of compiled functions.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

import pysampler

FOLDER = Path(pysampler.__file__).parent
CLASSES = set(re.findall(r"^class (\w+)", (FOLDER / "_core.pyi").read_text(encoding="utf-8"), re.MULTILINE))
# Written with Python's C interface, whose docstrings are no signatures of pybind11, or called by the interpreter only.
WITHOUT_SIGNATURE = {
    f"{name}.{method}" for name in ("IndexIterator", "BatchIterator") for method in ("__new__", "__next__")
}
OF_THE_INTERPRETER = {"Table.__buffer__"}


def module(name: str) -> Any:
    try:
        return importlib.import_module(f"pysampler.{name}")
    except ImportError:
        pytest.skip(f"pysampler.{name} was not built")


def stub_functions(name: str) -> dict[str, ast.FunctionDef]:
    """Functions and methods by their path in the module, without properties and those that nobody can call."""
    tree = ast.parse((FOLDER / f"{name}.pyi").read_text(encoding="utf-8"))
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for group in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for node in group.body:
            if isinstance(node, ast.FunctionDef):
                decorators = {ast.unparse(each) for each in node.decorator_list}
                if "property" not in decorators and "Never" not in ast.unparse(node.args):
                    found[f"{group.name}.{node.name}"] = node
    return found


def kind(annotation: ast.expr | None) -> str:
    """A type in words that stubs and docstrings share; what pybind11 calls an object, or spells otherwise, is any."""
    text = ast.unparse(annotation) if annotation is not None else "any"
    text = re.sub(r"pysampler\._c\w+\.", "", text)
    text = {
        "typing.SupportsInt | typing.SupportsIndex": "int",
        "typing.SupportsFloat | typing.SupportsIndex": "float",
    }.get(text, text)
    return text if text in {"int", "float", "bool", "str", "None"} or text in CLASSES else "any"


def arguments(function: ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    """Names, types and defaults, without self; last what is returned."""
    given = function.args.args
    defaults: list[ast.expr | None] = [None] * (len(given) - len(function.args.defaults))
    pairs = zip(given, [*defaults, *function.args.defaults], strict=True)
    found = [(each.arg, kind(each.annotation), default and ast.unparse(default)) for each, default in pairs]
    return [*(each for each in found if each[0] != "self"), ("return", kind(function.returns), None)]


def documented(function: Any) -> ast.FunctionDef | None:
    """The signature that pybind11 puts first in docstrings, or None where there is none."""
    line = (inspect.getdoc(function) or "").splitlines()[:1]
    try:
        node = ast.parse(f"def {line[0]}: ...").body[0] if line else None
    except SyntaxError:
        return None
    return node if isinstance(node, ast.FunctionDef) else None


def reached(owner: Any, path: str) -> Any:
    for part in path.split("."):
        owner = getattr(owner, part)
    return owner


def differing(one: ast.FunctionDef, other: ast.FunctionDef) -> bool:
    pairs = list(zip_longest(arguments(one), arguments(other), fillvalue=("", "", None)))
    return any(a[0] != b[0] or a[2] != b[2] or (a[1] != b[1] and "any" not in (a[1], b[1])) for a, b in pairs)


@pytest.mark.parametrize("name", ["_core", "_cuda"])
def test_stubs_say_the_arguments_types_and_defaults_of_every_compiled_function(name: str) -> None:
    compiled = module(name)
    without = set()
    for path, stub in stub_functions(name).items():
        if path in OF_THE_INTERPRETER:
            continue
        signature = documented(reached(compiled, path))
        if signature is None:
            without.add(path)
        else:
            assert not differing(stub, signature), f"{path}: {ast.unparse(stub)}, but {ast.unparse(signature)}"
    assert without == (WITHOUT_SIGNATURE if name == "_core" else set())


@pytest.mark.parametrize(
    "other",
    [
        "def f(self, out: int, flag: bool=False) -> None: ...",  # a name
        "def f(self, to: int, flag: bool=True) -> None: ...",  # a default
        "def f(self, to: bool, flag: bool=False) -> None: ...",  # a type
        "def f(self, to: int) -> None: ...",  # one too few
        "def f(self, to: int, flag: bool=False) -> int: ...",
    ],
)
def test_what_differs_is_seen(other: str) -> None:
    right, wrong = (ast.parse(text).body[0] for text in ("def f(self, to: int, flag: bool=False) -> None: ...", other))
    assert isinstance(right, ast.FunctionDef)
    assert isinstance(wrong, ast.FunctionDef)
    assert differing(right, wrong)
    assert not differing(right, right)
