"""Figure of a search: size against score, with the picks marked."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoprox.base.figures import PLAIN_TEXT, figure_writer, labelled
from autoprox.search.result import Pick, SearchResult
from autoprox.spaces.costs import PARAMS

CANDIDATE, PICK, BOUND = "#3b6ea5", "#d9822b", "#999999"
_RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_APART = 0.06
# Least distance of two ranks on the axis, as a share of its height.


def svg_writer(result: SearchResult, top: int) -> Callable[[Path], None]:
    """Returns a function that writes the figure as SVG to a path; deterministic to the byte.

    Args:
        result: Result of a search.
        top: Number of marked picks.
    """
    return figure_writer(draw(result, result.top(top)), "svg", salt="autoprox.search")


@mpl.rc_context(PLAIN_TEXT)
def draw(result: SearchResult, picks: Sequence[Pick]) -> Figure:
    """Draws parameters against score: a point per candidate, the picks with their ranks, and the bounds as lines."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    marked = {each.arch for pick in picks for each in pick.candidates}
    others = [each for each in result.scored if each.arch not in marked]
    axes.scatter(
        [each.params for each in others],
        [each.score for each in others],
        s=12,
        color=CANDIDATE,
        alpha=0.6,
        linewidths=0,
        label=f"{len(result.scored)} scored candidates",
    )
    axes.scatter(
        [each.params for pick in picks for each in pick.candidates],
        [each.score for pick in picks for each in pick.candidates],
        s=30,
        color=PICK,
        label="the pick" if len(picks) == 1 else f"the {len(picks)} picks",
    )
    for bound in result.constraints.bounds:
        if bound.cost is PARAMS:
            axes.axvline(bound.value, color=BOUND, linestyle="--", linewidth=0.9)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k")
    axes.set_xlabel("parameters")
    axes.set_ylabel(score_label(result.scorer))
    allowed = "" if result.allowed is None else f": {result.allowed:,} architectures are allowed"
    axes.set_title(f"{result.space}, {result.method}{allowed}", fontsize=10)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5)
    _rank_axis(axes, [each.score for each in result.scored])
    labelled(axes, [(pick.best.params, pick.best.score, str(pick.rank)) for pick in picks])
    return figure


def score_label(scorer: str) -> str:
    """Axis label of scores, which are not accuracies: only their order counts."""
    return f"score of {scorer} (higher is better)"


def _rank_axis(axes: Axes, scores: Sequence[float]) -> None:
    """Adds an axis on the right with the meaning of a score: its expected rank."""
    ranked = np.sort([score for score in scores if np.isfinite(score)])[::-1]
    low, high = axes.get_ylim()
    marks: dict[int, float] = {}
    for rank in (*(each for each in _RANKS if each < len(ranked)), len(ranked)):
        place = float(ranked[rank - 1]) if len(ranked) else low
        if rank and all(abs(place - other) >= _APART * (high - low) for other in marks.values()):
            marks[rank] = place
    right = axes.secondary_yaxis("right")
    right.set_yticks(list(marks.values()), [f"{rank:,}" for rank in marks])
    right.spines["right"].set_visible(False)
    right.set_ylabel("expected rank among the scored candidates")
