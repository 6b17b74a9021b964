"""Figure of a front: score against each cost, with the front marked."""

from functools import partial
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from autoprox.base.figures import labelled
from autoprox.base.files import atomically
from autoprox.search._pareto import CostFront
from autoprox.search.result import SearchResult
from autoprox.search.search_figure import CANDIDATE, PICK, score_label


def write_front(result: SearchResult, front: CostFront, path: Path) -> None:
    """Writes the figure as SVG; deterministic to the byte.

    Raises:
        AutoproxError: If it cannot be written.
    """
    with mpl.rc_context({"svg.hashsalt": "autoprox.search", "text.parse_math": False}):
        figure = draw_front(result, front)
        atomically(path, partial(figure.savefig, format="svg", metadata={"Date": None}))


def draw_front(result: SearchResult, front: CostFront) -> Figure:
    """Draws one panel per cost: a point per candidate, and the front with its numbers in the table."""
    figure = Figure(figsize=(4.8 * len(front.costs), 4.0), layout="constrained")
    panels = figure.subplots(1, len(front.costs), squeeze=False, sharey=True)[0]
    for axes, cost in zip(panels, front.costs, strict=True):
        for points, size, colour in ((result.scored, 10, CANDIDATE), (front.points, 26, PICK)):
            costs = [each.costs[cost.name] for each in points]
            axes.scatter(costs, [each.score for each in points], s=size, color=colour, alpha=0.7, linewidths=0)
        axes.xaxis.set_major_formatter(lambda value, _, unit=cost.unit: unit.text(value))
        axes.tick_params(axis="x", labelrotation=30)
        axes.set_xlabel(cost.noun)
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(score_label(result.scorer))
    figure.suptitle(f"{result.space}: {len(front.points)} of {len(result.scored):,} candidates", fontsize=10)
    for axes, cost in zip(panels, front.costs, strict=True):
        numbers = [(each.costs[cost.name], each.score, str(place)) for place, each in enumerate(front.points, start=1)]
        labelled(axes, numbers, size=7.0, far=False)
    return figure
