"""Figure of allocations: cost against score."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from autoprox.base.files import atomically
from autoprox.spaces.costs import Cost

POINT, PICK, BOUND = "#3b6ea5", "#d9822b", "#999999"


def write_front(
    points: Sequence[tuple[float, float]],
    pick: tuple[float, float],
    uniform: Sequence[tuple[str, float, float]],
    cost: Cost,
    scorer: str,
    bound: float,
    path: Path,
) -> None:
    """Writes the figure as SVG, the same bytes for the same points.

    Args:
        points: Cost and score of allocations.
        pick: Cost and score of the chosen allocation.
        uniform: Name, cost and score of uniform allocations.
        cost: The cost.
        scorer: Name of the scorer.
        bound: Largest allowed cost.
        path: The file.

    Raises:
        AutoproxError: If the file cannot be written.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    costs, scores = zip(*points, strict=True)
    axes.scatter(costs, scores, s=8, color=POINT, linewidths=0, label=f"{len(points):,} allocations")
    for name, price, score in uniform:
        axes.scatter([price], [score], s=24, marker="s", color=BOUND)
        axes.annotate(name, (price, score), textcoords="offset points", xytext=(5, -9), fontsize=8)
    axes.scatter([pick[0]], [pick[1]], s=36, color=PICK, label="the pick")
    axes.axvline(bound, color=BOUND, linestyle="--", linewidth=0.9)
    axes.set_xlabel(cost.noun)
    axes.set_ylabel(f"score of {scorer}")
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5)
    with mpl.rc_context({"svg.hashsalt": "autoprox.compress"}):
        atomically(path, lambda target: figure.savefig(target, format="svg", metadata={"Date": None}))
