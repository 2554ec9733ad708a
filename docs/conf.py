"""How the documentation is built: ``sphinx-build -W docs OUT``, after ``pip install -e ".[docs]"``; no network."""

import os
import sys
import tempfile
import zlib
from pathlib import Path

from sphinx.ext.napoleon import GoogleDocstring

import pysampler

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE.parent / "examples"))

project = "pysampler"
author = "pysampler developers"
copyright = author
version = release = pysampler.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.intersphinx", "myst_nb"]
exclude_patterns = ["inventories"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = os.environ.get("PYSAMPLER_NOTEBOOKS", "force")  # "off": pages without plots, quickly
nb_execution_raise_on_error = True
nb_execution_timeout = 300
suppress_warnings = ["mystnb.unknown_mime_type"]
if nb_execution_mode == "off":
    suppress_warnings.append("myst-nb.lexer")  # only a kernel that runs says in which language its cells are

html_theme = "furo"
html_title = f"pysampler {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]


def _inventory(name: str) -> str:
    """Packs a list of names, which is kept as text so that it can be read and reviewed, as intersphinx wants it."""
    text = (_HERE / "inventories" / f"{name}.txt").read_text(encoding="utf-8")
    header = (
        f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n# zlib-compressed from inventories/{name}.txt\n"
    )
    packed = Path(tempfile.mkdtemp(prefix="pysampler-docs-")) / f"{name}.inv"
    packed.write_bytes(header.encode() + zlib.compress(text.encode()))
    return str(packed)


intersphinx_mapping = {
    "python": ("https://docs.python.org/3", _inventory("python")),
    "torch": ("https://docs.pytorch.org/docs/stable", _inventory("torch")),
    "numpy": ("https://numpy.org/doc/stable", _inventory("numpy")),
}


def _like_any_other(self: GoogleDocstring) -> list[str]:
    """Reads a property's docstring as a function's: napoleon would take what stands before a colon for its type."""
    self._what, outer, self._parsed_lines = "method", self._parsed_lines, []
    self._parse()
    lines, self._parsed_lines = self._parsed_lines, outer
    return lines


GoogleDocstring._parse_attribute_docstring = _like_any_other
