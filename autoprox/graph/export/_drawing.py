"""`to_svg`, `to_png`: a proxy as a drawing, statistics at the top, the score at the bottom, kinds by colour."""

import textwrap
from io import BytesIO
from typing import Any

import matplotlib as mpl
import networkx as nx
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Primitive
from autoprox.graph._proxy import Proxy
from autoprox.statistics import Statistic

_COLOURS = {Level.TENSOR: "#a9cbea", Level.NODE: "#bfe3b4", Level.SCALAR: "#f9d39b"}
_MEANINGS = {
    Level.TENSOR: "TENSOR: one tensor per node",
    Level.NODE: "NODE: one number per node",
    Level.SCALAR: "SCALAR: one number per network",
}
_SCORE = "score"
_GAP = 0.35
_LETTER, _PADDING = 0.105, 0.3
# Inches: what a letter of a label takes, and what a box has beside its label.
_ROW = 0.8
_HALF_BOX = 0.17
_SWEEPS = 24


def to_svg(proxy: Proxy) -> str:
    """Draws a proxy as SVG, the same text for the same proxy.

    Example:
        >>> from autoprox.graph import parse
        >>> to_svg(Proxy("l2_norm", parse("nodes_sum(frobenius(weight))"))).startswith("<?xml")
        True
    """
    return _drawn(proxy, "svg", metadata={"Date": None, "Creator": None}).decode()


def to_png(proxy: Proxy, dpi: int = 150) -> bytes:
    """Draws a proxy as PNG.

    Args:
        proxy: The proxy.
        dpi: Pixels an inch.

    Example:
        >>> from autoprox.graph import parse
        >>> to_png(Proxy("l2_norm", parse("nodes_sum(frobenius(weight))")))[1:4]
        b'PNG'
    """
    return _drawn(proxy, "png", metadata={"Software": None}, dpi=dpi)


def _drawn(proxy: Proxy, form: str, **options: Any) -> bytes:
    buffer = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "autoprox", "svg.fonttype": "none", "font.family": "DejaVu Sans"}):
        _figure(proxy).savefig(buffer, format=form, **options)
    return buffer.getvalue()


def _figure(proxy: Proxy) -> Figure:
    graph = _graph(proxy)
    columns = _columns(graph)
    depth = max(graph.nodes[vertex]["row"] for vertex in graph)
    places = {vertex: (columns[vertex], _ROW * (depth - graph.nodes[vertex]["row"])) for vertex in graph}
    edges_of_boxes = [(x, graph.nodes[vertex]["width"] / 2) for vertex, (x, _) in places.items()]
    left, right = min(x - half for x, half in edges_of_boxes), max(x + half for x, half in edges_of_boxes)
    width = max(right - left + 0.6, 7.0)
    title = textwrap.wrap(f"{proxy.name}: {proxy.formula}", max(int(width / 0.09), 40))
    above, below = 0.5 + 0.2 * len(title), 0.9
    height = _ROW * depth + above + below
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    middle = (left + right) / 2
    axes.set_xlim(middle - width / 2, middle + width / 2)
    axes.set_ylim(-below, height - below)
    axes.text(middle, height - below - 0.12, "\n".join(title), ha="center", va="top", fontsize=10, parse_math=False)
    _draw_edges(axes, graph, places)
    for vertex in graph:
        _draw_box(axes, graph.nodes[vertex], places[vertex])
    shown = {graph.nodes[vertex]["level"] for vertex in graph if graph.nodes[vertex]["label"]}
    handles = [Patch(fc=_COLOURS[level], ec="#444444", label=_MEANINGS[level]) for level in Level if level in shown]
    axes.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=8)
    return figure


def _graph(proxy: Proxy) -> "nx.DiGraph[str]":
    """Vertices with row, label, level, width, in an order that a reader would have them; long edges are cut.

    A vertex without a label lies where an edge passes a row, so that boxes make room for it.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    for each in proxy.graph.walk():
        row = 1 + max((graph.nodes[argument.digest]["row"] for argument in each.arguments), default=-1)
        operation = each.operation
        label = f"{operation.value:.4g}" if isinstance(operation, Literal) else operation.name
        _add_vertex(graph, each.digest, row, label, each.kind.level, isinstance(operation, Statistic))
        ordered = len(each.arguments) > 1 and not _commutes(each)
        for index, argument in enumerate(each.arguments):
            _add_edge(graph, argument.digest, each.digest, str(index + 1) if ordered else "", index)
    row = graph.nodes[proxy.graph.digest]["row"] + 1
    _add_vertex(graph, _SCORE, row, _SCORE if proxy.sign == 1 else f"{_SCORE}: times -1", Level.SCALAR, bold=True)
    _add_edge(graph, proxy.graph.digest, _SCORE, "", 0)
    return graph


def _commutes(expression: Expression) -> bool:
    return isinstance(expression.operation, Primitive) and expression.operation.commutative


def _add_vertex(graph: "nx.DiGraph[str]", name: str, row: int, label: str, level: Level, bold: bool) -> None:
    width = _LETTER * len(label) + _PADDING if label else 0.1
    graph.add_node(name, row=row, label=label, level=level, bold=bold, width=width)


def _add_edge(graph: "nx.DiGraph[str]", start: str, end: str, mark: str, index: int) -> None:
    before, level = start, graph.nodes[start]["level"]
    for row in range(graph.nodes[start]["row"] + 1, graph.nodes[end]["row"]):
        passing = f"{start} {end} {index} {row}"
        _add_vertex(graph, passing, row, "", level, bold=False)
        graph.add_edge(before, passing, marks=[])
        before = passing
    marks: list[str] = graph.edges[before, end]["marks"] if graph.has_edge(before, end) else []
    graph.add_edge(before, end, marks=[*marks, mark])


def _columns(graph: "nx.DiGraph[str]") -> dict[str, float]:
    """Places the centres of boxes near those of their neighbours, in rows without overlaps."""
    rows: dict[int, list[str]] = {}
    for vertex in graph:
        rows.setdefault(graph.nodes[vertex]["row"], []).append(vertex)
    columns = dict.fromkeys(graph, 0.0)
    for row in rows.values():
        columns.update(_spread(graph, row, columns))
    for sweep in range(_SWEEPS):
        for number in sorted(rows, reverse=sweep % 2 == 0):
            near = {vertex: [columns[each] for each in nx.all_neighbors(graph, vertex)] for vertex in rows[number]}
            wishes = {vertex: sum(each) / len(each) for vertex, each in near.items()}
            rows[number].sort(key=lambda vertex: wishes[vertex])
            columns.update(_spread(graph, rows[number], wishes))
    return columns


def _spread(graph: "nx.DiGraph[str]", row: list[str], wishes: dict[str, float]) -> dict[str, float]:
    """Puts boxes in their order as near to their wishes as there is room."""
    places: dict[str, float] = {}
    free = float("-inf")
    for vertex in row:
        half = graph.nodes[vertex]["width"] / 2
        places[vertex] = max(wishes[vertex], free + half)
        free = places[vertex] + half + _GAP
    shift = sum(wishes[vertex] - places[vertex] for vertex in row) / len(row)
    return {vertex: place + shift for vertex, place in places.items()}


def _draw_edges(axes: Any, graph: "nx.DiGraph[str]", places: dict[str, tuple[float, float]]) -> None:
    for start, end in graph.edges:
        marks: list[str] = graph.edges[start, end]["marks"]
        (x, y), (end_x, end_y) = places[start], places[end]
        y -= _HALF_BOX if graph.nodes[start]["label"] else 0.0
        reached = bool(graph.nodes[end]["label"])
        end_y += _HALF_BOX if reached else 0.0
        for number in range(max(len(marks), 1)):
            # The same value twice in one operation is two lines side by side.
            aside = 0.16 * (number - (len(marks) - 1) / 2) if marks else 0.0
            axes.annotate(
                "",
                (end_x + aside, end_y),
                (x + aside, y),
                arrowprops={"arrowstyle": "-|>" if reached else "-", "color": "#555555", "shrinkA": 0, "shrinkB": 0},
                zorder=1,
            )
        if any(marks):
            on_line = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none"}
            middle = ((x + end_x) / 2, (y + end_y) / 2)
            axes.text(*middle, " ".join(marks), fontsize=8, ha="center", va="center", bbox=on_line)


def _draw_box(axes: Any, vertex: dict[str, Any], place: tuple[float, float]) -> None:
    if not vertex["label"]:
        return
    axes.text(
        *place,
        vertex["label"],
        ha="center",
        va="center",
        fontsize=10,
        fontweight="bold" if vertex["bold"] else "normal",
        bbox={
            "boxstyle": "round,pad=0.4",
            "facecolor": _COLOURS[vertex["level"]],
            "edgecolor": "#222222",
            "linewidth": 1.6 if vertex["bold"] else 0.8,
        },
        zorder=2,
    )
