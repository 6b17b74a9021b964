"""Figures of a ranking: score against latency, and agreement of several scorers."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoprox.base.figures import PLAIN_TEXT
from autoprox.metrics import kendall_tau_b
from autoprox.spaces.units import SECONDS

_ALLOWED, _EXCLUDED = "#3b6ea5", "#999999"


@mpl.rc_context(PLAIN_TEXT)
def draw_ranking(frame: pd.DataFrame) -> Figure:
    """Draws score against latency, one point per model; with several scorers also their agreement.

    Args:
        frame: Result of `autoprox.rank`.

    Example:
        >>> frame = pd.DataFrame(
        ...     [[1, 2.0, 9, 8, 0.02, 0.1], [2, 1.0, 4, 3, 0.01, 0.1]],
        ...     index=["wide", "narrow"],
        ...     columns=["rank", "score", "params", "macs", "latency", "latency_spread"],
        ... )
        >>> [each.get_xlabel() for each in draw_ranking(frame).axes]
        ['latency']
    """
    scorers = list(frame.columns[1:-4])
    figure = Figure(figsize=(6.4 if len(scorers) == 1 else 11.5, 4.6), layout="constrained")
    axes = figure.subplots(1, 1 if len(scorers) == 1 else 2, squeeze=False)[0]
    _scores(axes[0], frame, scorers[0])
    if len(scorers) > 1:
        _agreement(axes[1], frame[scorers])
    return figure


def _scores(axes: Axes, frame: pd.DataFrame, scorer: str) -> None:
    allowed = frame["rank"].notna()
    for mask, colour in ((allowed, _ALLOWED), (~allowed, _EXCLUDED)):
        axes.scatter(frame["latency"][mask], frame[scorer][mask], color=colour, s=28)
    middle = float(frame["latency"].median())
    for name, row in frame.iterrows():
        right = row["latency"] > middle
        axes.annotate(
            str(name)[:28],
            (row["latency"], row[scorer]),
            textcoords="offset points",
            xytext=(-6 if right else 6, 4),
            ha="right" if right else "left",
            fontsize=8,
        )
    axes.set_xlabel("latency")
    axes.xaxis.set_major_formatter(lambda value, _: SECONDS.text(value) if value > 0 else "0")
    axes.set_ylabel(f"{scorer}: higher is better" if scorer != "score" else "score: higher is better")
    axes.margins(0.12)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _agreement(axes: Axes, scores: pd.DataFrame) -> None:
    values = scores.to_numpy(dtype=float).T
    taus = np.stack([kendall_tau_b(values, row) for row in values])
    axes.imshow(taus, cmap="RdBu", vmin=-1, vmax=1)
    for (row, column), tau in np.ndenumerate(taus):
        colour = "white" if abs(tau) > 0.6 else "black"
        axes.text(column, row, f"{tau:.2f}", ha="center", va="center", fontsize=8, color=colour)
    places = range(len(scores.columns))
    axes.set_xticks(places, scores.columns, rotation=35, ha="right")
    axes.set_yticks(places, scores.columns)
    axes.set_title("agreement of the scorers (Kendall's tau)", fontsize=10)
