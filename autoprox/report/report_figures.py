"""The figures of a run's report. Shape, hatch or label repeats all information that colour carries."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from autoprox.base.figures import labelled

_WIDTH = 4.7
# Inches. A phone shows this width at three quarters of its size, so that letters remain legible.
_INK, _BLUE, _ORANGE, _GREY = "#222222", "#1f5fa8", "#c2570c", "#7a7a7a"
_MARKERS = "osD^vPX*"
_COLOURS = (_BLUE, _ORANGE, "#2b7a3d", "#7b4ba0", _GREY, "#a83252", "#00788a", "#6b5b00")
_LABEL_LETTERS = 24
_WIDE = 100.0


@dataclass(frozen=True)
class Bar:
    """A correlation with its interval.

    Args:
        name: Name of the scorer.
        value: The correlation.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        own: True for the subject of the report, False for a baseline.
    """

    name: str
    value: float
    low: float
    high: float
    own: bool = False


@dataclass(frozen=True)
class Curve:
    """Highest fitness over the number of candidates.

    Args:
        name: Name of the search.
        steps: (number of candidates, fitness) at each rise.
        end: Total number of candidates.
    """

    name: str
    steps: Sequence[tuple[int, float]]
    end: int


def curve_figure(curves: Sequence[Curve]) -> Figure:
    """Highest fitness on fit over distinct valid candidates, one line per search.

    Example:
        >>> axes = curve_figure([Curve("run", [(1, 0.2), (7, 0.4)], 10)]).axes[0]
        >>> axes.lines[0].get_xydata().tolist()
        [[1.0, 0.2], [7.0, 0.4], [10.0, 0.4]]
    """
    figure, axes = _new(2.9)
    styles = zip(cycle(("-", "--", ":", "-.")), cycle((_BLUE, _ORANGE, _GREY, *_COLOURS[2:])), strict=False)
    for curve, (style, colour) in zip(curves, styles, strict=False):
        counts, values = zip(*curve.steps, (curve.end, curve.steps[-1][1]), strict=True)
        axes.step(counts, values, style, where="post", color=colour, linewidth=1.8, label=curve.name)
        axes.plot([curve.end], [values[-1]], marker="o", markersize=4, color=colour, linestyle="none")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="distinct valid candidates (logarithmic)", ylabel="highest fitness on fit")
    axes.legend(loc="lower right")
    return figure


def bars_figure(bars: Sequence[Bar]) -> Figure:
    """Joint correlations with their 95 % intervals, as horizontal bars in the given order.

    Example:
        >>> axes = bars_figure([Bar("winner", 0.6, 0.4, 0.8, own=True), Bar("params", 0.5, 0.3, 0.7)]).axes[0]
        >>> [float(patch.get_width()) for patch in axes.patches]
        [0.6, 0.5]
    """
    figure, axes = _new(0.75 + 0.3 * len(bars))
    for place, bar in enumerate(bars):
        style: dict[str, Any] = (
            {"color": _BLUE} if bar.own else {"facecolor": "#dcdcdc", "edgecolor": _GREY, "hatch": "///"}
        )
        axes.barh(place, bar.value, height=0.62, linewidth=0.6, **style)
        low, high = max(bar.value - bar.low, 0.0), max(bar.high - bar.value, 0.0)
        axes.errorbar(bar.value, place, xerr=[[low], [high]], fmt="none", ecolor=_INK, capsize=3, linewidth=1.1)
    axes.set_yticks(range(len(bars)), [_short(bar.name) for bar in bars])
    for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
        label.set_fontweight("bold" if bar.own else "normal")
    axes.invert_yaxis()
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("joint Kendall tau, 95 % interval")
    return figure


@dataclass(frozen=True)
class FormulaPoint:
    """A formula in a figure of accuracy against size.

    Args:
        size: Operations and statistics of the formula.
        tau: Joint correlation.
        number: Number of its row in the table, the target of its link; None for a formula without a row.
        name: Label of the point, if any.
        on_front: True if the formula is non-dominated.
        own: True for the formula that the page recommends.
    """

    size: int
    tau: float
    number: int | None
    name: str
    on_front: bool
    own: bool


def front_figure(points: Sequence[FormulaPoint], split: str) -> Figure:
    """Correlation against the size of formulas; the front is a line, and its points link to `#<number>`.

    Args:
        points: The formulas.
        split: Name of the judging split.

    Example:
        >>> points = [FormulaPoint(3, 0.7, 1, "", True, False), FormulaPoint(5, 0.6, None, "", False, False)]
        >>> axes = front_figure(points, "select").axes[0]
        >>> axes.lines[0].get_xydata().tolist(), axes.texts[0].get_url()
        ([[3.0, 0.7]], '#1')
    """
    figure, axes = _new(3.2)
    members = sorted((each for each in points if each.on_front), key=lambda each: each.size)
    axes.plot(
        [each.size for each in members],
        [each.tau for each in members],
        drawstyle="steps-post",
        color=_GREY,
        linewidth=1.0,
        label="not matched by a smaller formula",
    )
    beside = [each for each in points if each.number is None]
    axes.scatter(
        [each.size for each in beside], [each.tau for each in beside], s=18, facecolors="none", edgecolors=_GREY
    )
    for each in points:
        if each.number is not None:
            marker, colour = ("D", _ORANGE) if each.own else ("o", _BLUE)
            (point,) = axes.plot([each.size], [each.tau], marker=marker, markersize=8, color=colour, linestyle="none")
            point.set_url(f"#{each.number}")
    labels = [(each.size, each.tau, f"{each.number} {each.name}".strip()) for each in points if each.number is not None]
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="size of the formula: operations and statistics", ylabel=f"joint Kendall tau on {split}")
    axes.legend(loc="lower right")
    for text in labelled(axes, labels, [(each.size, each.tau) for each in beside]):
        text.set_url(f"#{text.get_text().split()[0]}")
    return figure


def scatter_figure(block: Mapping[str, Any], title: str, unit: str) -> Figure:
    """Score against label on one block: hollow circles for fit, filled diamonds for select.

    Args:
        block: `scores`, `labels` and `splits` of its architectures.
        title: Title; may have several lines.
        unit: Name of the labels.

    Example:
        >>> block = {"scores": [1.0, 2.0, 3.0], "labels": [50.0, 60.0, 70.0], "splits": ["fit", "select", "fit"]}
        >>> [len(each.get_offsets()) for each in scatter_figure(block, "a block", "top1_pct").axes[0].collections]
        [2, 1]
    """
    figure, axes = _new(3.4)
    scores, labels, splits = (np.asarray(block[name]) for name in ("scores", "labels", "splits"))
    looks: dict[str, dict[str, Any]] = {
        "fit": {"marker": "o", "facecolors": "none", "edgecolors": _GREY},
        "select": {"marker": "D", "color": _BLUE},
    }
    for split, look in looks.items():
        own = splits == split
        axes.scatter(scores[own], labels[own], s=26, linewidths=1.1, label=f"{split} ({own.sum()})", **look)
    _scale(axes, scores)
    axes.set(xlabel="score of the proxy", ylabel=unit)
    axes.set_title(title, fontsize=9, loc="left")
    axes.legend(loc="best", handletextpad=0.2)
    return figure


def bands_figure(columns: Sequence[str], taus: Mapping[str, Sequence[float]]) -> Figure:
    """Correlations within bands of one size: one group per band, one kind of marker per scorer.

    Args:
        columns: Names of the bands.
        taus: One value per band, by scorer; NaN is skipped.

    Example:
        >>> figure = bands_figure(["small", "large"], {"winner": [0.2, float("nan")]})
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['winner']
    """
    figure, axes = _new(3.3)
    offsets = np.linspace(-0.3, 0.3, len(taus)) if len(taus) > 1 else np.zeros(1)
    for number, (offset, (name, values)) in enumerate(zip(offsets, taus.items(), strict=True)):
        look: dict[str, Any] = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKERS[number % len(_MARKERS)]}
        axes.plot(
            np.arange(len(columns)) + offset, values, linestyle="none", markersize=6.5, label=_short(name), **look
        )
    for edge in range(1, len(columns)):
        axes.axvline(edge - 0.5, color="#cccccc", linewidth=0.8)
    axes.axhline(0, color=_INK, linewidth=0.8)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_xticks(range(len(columns)), [textwrap.fill(name, 12) for name in columns])
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("joint Kendall tau")
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.1, columnspacing=1.0)
    return figure


def _new(height: float) -> tuple[Figure, Axes]:
    figure = Figure((_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _short(name: str) -> str:
    return f"{name[: _LABEL_LETTERS - 1]}…" if len(name) > _LABEL_LETTERS else name


def _scale(axes: Axes, scores: npt.NDArray[np.float64]) -> None:
    """Scores of one sign are shown logarithmically if they span at least two orders of magnitude."""
    sizes = np.abs(scores)
    one_sign = (scores > 0).all() or (scores < 0).all()
    if one_sign and sizes.max() > _WIDE * sizes.min():
        axes.set_xscale("symlog", linthresh=sizes.min())
        axes.xaxis.set_major_formatter("{x:.0e}")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
