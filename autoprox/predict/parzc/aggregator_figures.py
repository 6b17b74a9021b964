"""Figures of a learned aggregator: importance of nodes, and accuracy and calibration of predictions.

Every function returns a `matplotlib.figure.Figure` without a window; `figure.savefig(path)` writes it.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy import stats

from autoprox.base.arrays import Floats
from autoprox.base.figures import PLAIN_TEXT

_SIZE = (5.0, 3.6)
_MARKERS = "osD^vP*X"
_LEVELS = np.linspace(0.05, 0.95, 19)


@mpl.rc_context(PLAIN_TEXT)
def importance_figure(importance: npt.ArrayLike, nodes: Sequence[str]) -> Figure:
    """Learned importance over depth, one line per role.

    Args:
        importance: `(L,)`, from `MABNRegressor.node_importance`.
        nodes: `(L,)`, names such as `mlp.3`; a name without a number gets a separate line.

    Raises:
        ValueError: If there is not exactly one name per node.

    Example:
        >>> figure = importance_figure([0.2, 0.5, 0.3], ["mlp.0", "mlp.1", "head.0"])
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['mlp', 'head']
    """
    values = np.asarray(importance, dtype=np.float64)
    if values.shape != (len(nodes),):
        raise ValueError(f"Expected one importance for each of {len(nodes)} nodes, but got shape {values.shape}.")
    lines: dict[str, list[tuple[int, float]]] = {}
    for name, value in zip(nodes, values.tolist(), strict=True):
        role, _, number = name.rpartition(".")
        lines.setdefault(role or name, []).append((int(number) if role and number.isdigit() else 0, value))
    figure = Figure(_SIZE, layout="constrained")
    axes = figure.subplots()
    for (role, points), marker in zip(lines.items(), cycle(_MARKERS)):
        depth, height = zip(*sorted(points), strict=True)
        axes.plot(depth, height, marker=marker, markersize=4, label=role)
    axes.set(xlabel="number of the node among those of its role", ylabel="share of importance")
    axes.set_ylim(bottom=0)
    axes.legend(title="role", frameon=False)
    return figure


@mpl.rc_context(PLAIN_TEXT)
def prediction_figure(
    targets: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, groups: npt.ArrayLike | None = None
) -> Figure:
    """Predicted against true values, with bars of one standard deviation.

    Args:
        targets: `(n,)`.
        mean: `(n,)`.
        std: `(n,)`.
        groups: `(n,)`, names; one panel per group.

    Raises:
        ValueError: If shapes differ.

    Example:
        >>> figure = prediction_figure([1, 2, 3], [1.1, 1.9, 3.2], [0.2, 0.2, 0.3])
        >>> figure.axes[0].get_title()
        'Kendall 1.00'
    """
    true, predicted, spread = _alike(targets, mean, std)
    names = np.full(len(true), "") if groups is None else np.asarray(groups).astype(str)
    panels = np.unique(names)
    figure = Figure((_SIZE[1] * len(panels), _SIZE[1]), layout="constrained")
    for axes, name in zip(np.ravel(figure.subplots(1, len(panels), squeeze=False)), panels, strict=True):
        own = names == name
        axes.errorbar(predicted[own], true[own], xerr=spread[own], fmt="o", markersize=4, linewidth=0.8)
        ends = [min(true[own].min(), predicted[own].min()), max(true[own].max(), predicted[own].max())]
        axes.plot(ends, ends, color="grey", linewidth=0.8)
        tau = stats.kendalltau(predicted[own], true[own]).statistic
        axes.set(xlabel="predicted", ylabel="true", title=f"{name} Kendall {tau:.2f}".strip())
    return figure


@mpl.rc_context(PLAIN_TEXT)
def calibration_figure(targets: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> Figure:
    """Share of targets inside the central interval, against the nominal share of the interval.

    Args:
        targets: `(n,)`.
        mean: `(n,)`.
        std: `(n,)`.

    Raises:
        ValueError: If shapes differ.

    Example:
        >>> figure = calibration_figure([0.0, 1.0], [0.0, 0.0], [1.0, 1.0])
        >>> figure.axes[0].get_xlabel()
        'promised share'
    """
    true, predicted, spread = _alike(targets, mean, std)
    inside = [coverage(true, predicted, spread, level) for level in _LEVELS]
    figure = Figure((_SIZE[1], _SIZE[1]), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.plot(_LEVELS, inside, marker="o", markersize=4)
    axes.set(xlabel="promised share", ylabel="share of labels inside", xlim=(0, 1), ylim=(0, 1))
    return figure


@mpl.rc_context(PLAIN_TEXT)
def learning_curve_figure(sizes: Sequence[int], taus: Mapping[str, npt.ArrayLike]) -> Figure:
    """Kendall's tau over the number of labels, with the standard error over draws.

    Args:
        sizes: Numbers of labelled architectures.
        taus: `(len(sizes), draws)` for each predictor, by name.

    Raises:
        ValueError: If a predictor does not have one row per size.

    Example:
        >>> figure = learning_curve_figure([16, 32], {"ridge": [[0.4, 0.5], [0.5, 0.6]]})
        >>> figure.axes[0].get_ylabel()
        "Kendall's tau"
    """
    figure = Figure(_SIZE, layout="constrained")
    axes = figure.subplots()
    for name, given in taus.items():
        values = np.asarray(given, dtype=np.float64)
        if values.ndim != 2 or len(values) != len(sizes):
            raise ValueError(f"'{name}' has shape {values.shape}; give one row for each of {len(sizes)} sizes.")
        error = values.std(axis=1) / np.sqrt(values.shape[1])
        axes.errorbar(sizes, values.mean(axis=1), yerr=error, marker="o", markersize=4, capsize=2, label=name)
    axes.set(xlabel="labelled architectures", ylabel="Kendall's tau")
    axes.legend(frameon=False)
    return figure


def coverage(targets: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, level: float = 0.9) -> float:
    """Share of targets inside the central interval of normal predictions.

    Args:
        targets: `(n,)`.
        mean: `(n,)`.
        std: `(n,)`.
        level: Nominal share of the interval, in (0, 1).

    Raises:
        ValueError: If shapes differ.

    Example:
        >>> coverage([0.0, 1.6, 1.7], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
        0.6666666666666666
    """
    true, predicted, spread = _alike(targets, mean, std)
    return float(np.mean(np.abs(true - predicted) <= stats.norm.ppf(0.5 + level / 2) * spread))


def _alike(*given: npt.ArrayLike) -> list[Floats]:
    arrays = [np.asarray(each, dtype=np.float64) for each in given]
    if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 1:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"targets, mean and std must all have the shape (n,); got {shapes}.")
    return arrays
