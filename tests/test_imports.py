"""What import-linter (see pyproject.toml) is told to overlook: imports from the package itself."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pysampler"
ABOVE = {"cli", "demo", "integrations", "plots"}


def names_from_the_package(text: str) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    whole = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "pysampler"]
    return {name for name in whole if name == "pysampler"} | {name.name for node in froms for name in node.names}


def test_rooms_take_only_compiled_modules_and_rooms_from_the_package() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    taken = {}
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE).parts
        if inside[0] not in {*ABOVE, "__init__.py", "__main__.py"}:
            for name in names_from_the_package(path.read_text()) - rooms - {"_core", "_cuda"}:
                taken[str(path)] = name
    assert not taken
    assert names_from_the_package("import pysampler\nfrom pysampler import AliasTable, _core") == {
        "pysampler", "AliasTable", "_core",
    }  # fmt: skip
