"""Fonts for names that the usual one cannot write, such as Chinese, Japanese and Korean. Needs matplotlib."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

# Tried first, since they are made for running text; then every font that is installed.
_PREFERRED = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans JP",
    "Noto Sans SC",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)


def add_fallback_fonts(figure: Figure) -> None:
    """Gives every text of the figure a list of fonts that together have its characters, as far as any is installed.

    Warns if no installed font has a character. No global setting is touched.
    """
    for axes in figure.axes:  # ticks get their texts when they are asked for
        axes.get_xticklabels(), axes.get_yticklabels()
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        own = font_manager.findfont(text.get_fontproperties())
        missing = frozenset(filter(str.isprintable, text.get_text())) - _characters(own)
        if missing:
            text.set_fontfamily(list(dict.fromkeys([*text.get_fontfamily(), *_covering(missing)])))


@lru_cache(maxsize=256)
def _covering(missing: frozenset[str]) -> tuple[str, ...]:
    """Returns the families that add characters, one after the other, until none is missing."""
    found = []
    for family, path in _installed():
        if not missing:
            break
        if missing & (has := _characters(path)):
            found.append(family)
            missing -= has
    if missing:
        shown = "".join(sorted(missing)[:8])
        warnings.warn(f"no installed font has {shown!r}: install one, such as Noto Sans CJK", UserWarning, stacklevel=2)
    return tuple(found)


def _installed() -> Iterator[tuple[str, str]]:
    """Yields family and file of the installed upright fonts, those that are preferred first."""
    fonts = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.style == "normal"}
    yield from ((name, fonts[name]) for name in _PREFERRED if name in fonts)
    # "Last Resort" has a box for every character there is.
    yield from ((name, fonts[name]) for name in sorted(fonts) if name not in _PREFERRED and "Last" not in name)


@lru_cache(maxsize=1024)
def _characters(path: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError):  # a font that cannot be read has nothing to offer
        return frozenset()
