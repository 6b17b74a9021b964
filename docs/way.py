"""Draws the data flow as docs/images/way.svg, deterministic to the byte: `python docs/way.py`."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent / "images" / "way.svg"
WIDTH, STEP, HEIGHT = 460, 68, 46
LEFT, RIGHT = (8, 128), (160, 292)
"""Left edge and width of a column."""
TEXT, LINE, MADE, TABLE = "#7d7d7d", "#8a8a8a", "#3f83c9", "#2f9a83"
"""Middle tones, legible on white and on black."""


@dataclass(frozen=True)
class Box:
    """A box of the picture.

    Args:
        row: Number of its row, from 0.
        title: Its name.
        says: Its description.
        left: True for the left column.
        colour: Colour of its frame.
    """

    row: int
    title: str
    says: str
    left: bool = False
    colour: str = LINE

    @property
    def x(self) -> int:
        """Its left edge."""
        return (LEFT if self.left else RIGHT)[0]

    @property
    def width(self) -> int:
        """Its width."""
        return (LEFT if self.left else RIGHT)[1]

    @property
    def y(self) -> int:
        """Its upper edge."""
        return 8 + self.row * STEP


CHAIN = (
    Box(0, "space → architecture", "autoformer, pit, or your own network"),
    Box(1, "untrained network", "with the parameters it was initialised with"),
    Box(2, "statistics", "a tensor per node: weights, gradients, attention"),
    Box(3, "leaves", "one float per node; reduced once, then cached"),
    Box(4, "evolution", "of graphs over leaves; or ParZC, which learns"),
    Box(5, "choice of one", "from the hall of fame"),
    Box(6, "verdict", "against counts and zoo; scorings are counted"),
    Box(7, "proxy", "one file: score(model, images, labels)", colour=MADE),
    Box(8, "search", "autoprox.search, or your own"),
)
"""From top to bottom, an arrow from each to the next."""
BESIDE = (
    Box(1, "batch", "of images, or noise", left=True),
    Box(4, "fit", "40 % of the table", left=True, colour=TABLE),
    Box(5, "select", "20 %", left=True, colour=TABLE),
    Box(6, "sealed", "40 %", left=True, colour=TABLE),
)
"""To the left of the chain, an arrow from each to the right."""
HEADING = "benchmark table", "trained networks"
"""Above the splits."""
DESCRIPTION = (
    "A space gives architectures, an architecture an untrained network. A batch of images is sent through it, and "
    "statistics are collected at every node, reduced to one float per node and cached. Evolution composes graphs of "
    "them by their fitness on the fit split of a benchmark table; one is chosen on the select split, and scored "
    "once on the sealed split. The proxy is one file for searching architectures."
)


def picture() -> ET.Element:
    """The picture as SVG."""
    height = CHAIN[-1].y + HEIGHT + 8
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "width": str(WIDTH),
            "height": str(height),
            "role": "img",
            "font-family": "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif",
            "text-anchor": "middle",
            "fill": TEXT,
        },
    )
    ET.SubElement(svg, "title").text = "Data flow in autoprox"
    ET.SubElement(svg, "desc").text = DESCRIPTION
    size = {"markerUnits": "userSpaceOnUse", "markerWidth": "10", "markerHeight": "10"}
    marker = ET.SubElement(
        ET.SubElement(svg, "defs"),
        "marker",
        {"id": "head", "viewBox": "0 0 8 8", "refX": "8", "refY": "4", "orient": "auto"} | size,
    )
    ET.SubElement(marker, "path", {"d": "M0 0 8 4 0 8z", "fill": LINE})
    for upper, lower in pairwise(CHAIN):
        middle = upper.x + upper.width // 2
        _arrow(svg, middle, upper.y + HEIGHT, middle, lower.y)
    for box in BESIDE:
        _arrow(svg, box.x + box.width, box.y + HEIGHT // 2, RIGHT[0], box.y + HEIGHT // 2)
    for box in (*CHAIN, *BESIDE):
        _box(svg, box)
    middle, above = LEFT[0] + LEFT[1] // 2, BESIDE[1].y
    _words(svg, middle, above - 30, HEADING)
    return svg


def _box(svg: ET.Element, box: Box) -> None:
    place = {"x": box.x, "y": box.y, "width": box.width, "height": HEIGHT, "rx": 6}
    look = {"fill": box.colour, "fill-opacity": "0.1", "stroke": box.colour, "stroke-width": "1.4"}
    ET.SubElement(svg, "rect", {name: str(value) for name, value in place.items()} | look)
    _words(svg, box.x + box.width // 2, box.y + 19, (box.title, box.says))


def _words(svg: ET.Element, x: int, y: int, words: tuple[str, str]) -> None:
    """A title with a description below."""
    title, says = words
    ET.SubElement(svg, "text", {"x": str(x), "y": str(y), "font-size": "14", "font-weight": "600"}).text = title
    ET.SubElement(svg, "text", {"x": str(x), "y": str(y + 17), "font-size": "11.5"}).text = says


def _arrow(svg: ET.Element, x1: int, y1: int, x2: int, y2: int) -> None:
    place = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    look = {"stroke": LINE, "stroke-width": "1.4", "marker-end": "url(#head)"}
    ET.SubElement(svg, "line", {name: str(value) for name, value in place.items()} | look)


def text() -> str:
    """The picture as the text of its file."""
    svg = picture()
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(text())
