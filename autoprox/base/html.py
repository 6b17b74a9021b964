"""HTML representation of objects in a notebook: title, key figures, small picture. No plotting library is needed.

Lines and letters inherit the text colour, so that they are visible on dark pages.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _EDGE = 420, 220, 34
_POINT, _MARK = "#4c86c6", "#d9822b"

ValueAndEnds = tuple[float, float, float]
"""A value and the ends of its interval."""


def panel(title: str, facts: Mapping[str, str], *parts: str) -> str:
    """Returns a title and a list of facts, followed by other parts.

    Args:
        title: One line of plain text.
        facts: Plain text by name.
        parts: HTML that follows.

    Example:
        >>> panel("a < b", {"size": "3"})[:45]
        '<div style="max-width:46rem"><b>a &lt; b</b><'
    """
    rows = "".join(
        f'<tr><td style="text-align:left;opacity:.7">{escape(name)}</td>'
        f'<td style="text-align:left;overflow-wrap:anywhere">{escape(text)}</td></tr>'
        for name, text in facts.items()
    )
    return f'<div style="max-width:46rem"><b>{escape(title)}</b><table>{rows}</table>{"".join(parts)}</div>'


def code(text: str) -> str:
    """Returns a formula or a command that wraps at the edge of the page.

    Example:
        >>> code("a & b")
        '<code style="display:block;white-space:pre-wrap;overflow-wrap:anywhere">a &amp; b</code>'
    """
    return f'<code style="display:block;white-space:pre-wrap;overflow-wrap:anywhere">{escape(text)}</code>'


def bars(rows: Mapping[str, ValueAndEnds]) -> str:
    """Returns horizontal bars with intervals; the first bar is highlighted.

    Args:
        rows: Value and interval by name; undefined ones are omitted.

    Example:
        >>> bars({"proxy": (0.8, 0.7, 0.9), "params": (0.6, 0.5, 0.7)}).count("<rect")
        2
    """
    shown = {name: row for name, row in rows.items() if all(map(math.isfinite, row))}
    if not shown:
        return ""
    low = min(0.0, *(row[1] for row in shown.values()))
    high = max(0.0, *(row[2] for row in shown.values())) or 1.0
    left, right = 130, _WIDTH - 60

    def place(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    parts = []
    for number, (name, (value, start, end)) in enumerate(shown.items()):
        top, colour = 6 + 24 * number, _POINT if number else _MARK
        x, width = min(place(0), place(value)), abs(place(value) - place(0))
        parts.append(
            f'<text x="{left - 8}" y="{top + 12}" text-anchor="end">{escape(name[:20])}</text>'
            f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="16" fill="{colour}"/>'
            f'<path d="M{place(start):.1f} {top + 8}H{place(end):.1f}" stroke="currentColor"/>'
            f'<text x="{right + 8}" y="{top + 12}">{value:.3f}</text>'
        )
    told = ", ".join(f"{name} {row[0]:.3f}" for name, row in shown.items())
    return _svg(parts, 12 + 24 * len(shown), f"Bars: {told}")


def scatter(
    points: Sequence[tuple[float, float]], marked: Iterable[tuple[float, float]], across: str, upward: str
) -> str:
    """Returns a scatter plot.

    Args:
        points: Two coordinates each; undefined ones are omitted.
        marked: Highlighted points.
        across: Label of the horizontal axis.
        upward: Label of the vertical axis.

    Example:
        >>> scatter([(0, 1), (2, 3)], [(2, 3)], "parameters", "score").count("<circle")
        3
    """
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not finite:
        return ""
    (west, east), (south, north) = (_ends([each[axis] for each in finite]) for axis in (0, 1))

    def circle(point: tuple[float, float], radius: float, colour: str) -> str:
        x = _EDGE + (point[0] - west) / (east - west) * (_WIDTH - 2 * _EDGE)
        y = _HEIGHT - _EDGE - (point[1] - south) / (north - south) * (_HEIGHT - 2 * _EDGE)
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" fill-opacity=".75"/>'

    bottom, right = _HEIGHT - _EDGE, _WIDTH - _EDGE
    parts = [f'<path d="M{_EDGE} {_EDGE}V{bottom}H{right}" fill="none" stroke="currentColor"/>']
    parts += [circle(each, 2.5, _POINT) for each in finite]
    parts += [circle(each, 4.5, _MARK) for each in marked]
    parts += [
        f'<text x="{_EDGE}" y="{_HEIGHT - 12}">{west:.3g}</text>',
        f'<text x="{right}" y="{_HEIGHT - 12}" text-anchor="end">{east:.3g}</text>',
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(across)}</text>',
        f'<text x="{_EDGE}" y="18">{escape(upward)}, {south:.3g} to {north:.3g}</text>',
    ]
    return _svg(parts, _HEIGHT, f"{upward} against {across}, {len(finite)} points")


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _svg(parts: Iterable[str], height: float, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" style="max-width:100%;height:auto" role="img"'
        f' aria-label="{escape(told)}" font-size="11" fill="currentColor">{"".join(parts)}</svg>'
    )
