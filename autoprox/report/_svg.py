"""Figures as inline SVG for HTML pages: no prolog, metadata or addresses, and unique identifiers."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from autoprox.base.figures import PLAIN_TEXT
from autoprox.graph import Proxy
from autoprox.graph.export import to_latex, to_svg

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "autoprox",
    "svg.fonttype": "path",  # identical glyphs on every machine
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    **PLAIN_TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FORMULA_POINTS = 20
_LEAST = 0.65
# Least width of wide figures before they scroll.


def figure_svg(draw: Callable[[], Figure], identity: str, alt: str, *, wide: bool = False) -> Markup:
    """Draws a figure in the style of reports and converts it to SVG for a page.

    Args:
        draw: Makes the figure.
        identity: Prefix of its identifiers, unique on a page.
        alt: Description of the figure, for screen readers.
        wide: If true, the figure may have any width: it is cropped to its contents and shrinks only to a limit.

    Example:
        >>> str(figure_svg(Figure, "empty", "Nothing <at all>."))[:35]
        '<svg width="460.8pt" height="345.6p'
    """
    buffer = BytesIO()
    with mpl.rc_context(_STYLE):
        options: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.05} if wide else {}
        draw().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True, **options)
    return inline(buffer.getvalue().decode(), identity, alt, wide=wide)


def drawing_svg(proxy: Proxy, identity: str = "drawing") -> Markup:
    """A proxy as a drawing."""
    alt = f"The graph of the proxy, statistics at the top: {proxy.formula}"
    return inline(to_svg(proxy), identity, alt, wide=True)


def formula_svg(proxy: Proxy, identity: str = "formula") -> Markup:
    """A proxy as a formula, typeset by matplotlib."""

    def draw() -> Figure:
        figure = Figure(figsize=(1, 1))
        figure.text(0, 0, f"${to_latex(proxy)}$", fontsize=_FORMULA_POINTS, parse_math=True, math_fontfamily="cm")
        return figure

    return figure_svg(draw, identity, f"score = {proxy.formula}", wide=True)


def inline(svg: str, identity: str, alt: str, *, wide: bool = False) -> Markup:
    """Converts a file of matplotlib to an element for a page.

    Args:
        svg: The text of the file.
        identity: Prefix of its identifiers, unique on a page.
        alt: Description of the figure.
        wide: If true, it shrinks only to a limit.

    Example:
        >>> svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"><g id="a"/></svg>'
        >>> str(inline(svg, "one", "A < B"))
        '<svg width="9pt" height="9pt" role="img" aria-label="A &lt; B"><g id="one-a"></g></svg>'
    """
    root = ET.fromstring(svg)  # noqa: S314 - written by matplotlib a moment ago
    for each in root.iter():
        each.tag = _local(each.tag)
        each.attrib = {_local(name): _own(_local(name), value, identity) for name, value in each.attrib.items()}
        each.attrib.pop("target", None)  # links stay on the page
    for each in root.findall("metadata"):
        root.remove(each)
    if wide:
        width = float(root.attrib["width"].removesuffix("pt"))
        root.attrib["style"] = f"width:100%;max-width:{width:.0f}pt;min-width:{_LEAST * width:.0f}pt"
    root.attrib |= {"role": "img", "aria-label": alt}
    return Markup(ET.tostring(root, encoding="unicode", short_empty_elements=False).replace("\n", ""))  # noqa: S704 - escaped there


def _local(name: str) -> str:
    """A name without its namespace, which HTML implies."""
    return name.rpartition("}")[2]


def _own(name: str, value: str, identity: str) -> str:
    if name == "id":
        return f"{identity}-{value}"
    if name == "href":
        return f"#{identity}-{value.removeprefix('#')}"
    return _REFERENCE.sub(rf"url(#{identity}-\1)", value)
