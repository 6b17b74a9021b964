"""Figures of a regression: effects of its terms, and predicted against measured values.

Every function returns a `matplotlib.figure.Figure` without a window; `figure.savefig(path)` writes it.
"""

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy import stats

from autoprox.base.figures import PLAIN_TEXT
from autoprox.metrics import kendall_tau_b
from autoprox.predict._regression import MultivariateRegression

_COLOUR, _LINE = "#3b6ea5", "#999999"


@mpl.rc_context(PLAIN_TEXT)
def coefficient_figure(model: MultivariateRegression, target: str = "target") -> Figure:
    """The effect of each term with its 95 % t interval, largest first.

    An effect is the coefficient times the standard deviation of its term, which makes different units comparable.

    Args:
        model: The fitted regression.
        target: Name of the predicted quantity, with its unit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(40, 2))
        >>> figure = coefficient_figure(MultivariateRegression().fit(X, X @ [3.0, 1.0] + rng.normal(size=40)))
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['x0', 'x1']
    """
    summary = model.summary()
    terms = summary.terms.iloc[1:]
    effects = model.coef_ * model.scales_
    # Without residual degrees of freedom there are no intervals.
    reach = stats.t.ppf(0.975, summary.degrees) if summary.degrees > 0 else np.nan
    halves = np.nan_to_num(reach * terms["std_error"].to_numpy() * model.scales_)
    order = np.argsort(-np.abs(effects), kind="stable")
    figure = Figure((6.4, 1.2 + 0.22 * len(order)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(order))
    axes.errorbar(effects[order], places, xerr=halves[order], fmt="o", color=_COLOUR, markersize=4, linewidth=1)
    axes.axvline(0, color=_LINE, linewidth=0.8)
    axes.set_yticks(places, terms.index[order])
    axes.invert_yaxis()
    axes.set_xlabel(f"effect of one standard deviation on {target}, 95 % interval")
    axes.set_title(f"R2 {summary.r2:.3f}, {summary.n} rows", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


@mpl.rc_context(PLAIN_TEXT)
def agreement_figure(measured: npt.ArrayLike, predicted: npt.ArrayLike, target: str = "target") -> Figure:
    """Predicted against measured values, with the diagonal.

    Args:
        measured: `(n,)`.
        predicted: `(n,)`.
        target: Name of the predicted quantity, with its unit.

    Raises:
        ValueError: If shapes differ.

    Example:
        >>> agreement_figure([1, 2, 3], [1.1, 1.9, 3.2]).axes[0].get_title()
        '3 architectures, Kendall 1.00'
    """
    true, found = np.asarray(measured, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if true.shape != found.shape or true.ndim != 1:
        raise ValueError(f"Expected one prediction for each of {true.shape} values, but got shape {found.shape}.")
    figure = Figure((4.2, 4.0), layout="constrained")
    axes = figure.subplots()
    ends = [min(true.min(), found.min()), max(true.max(), found.max())]
    axes.plot(ends, ends, color=_LINE, linewidth=0.8)
    axes.scatter(true, found, s=12, color=_COLOUR, alpha=0.6, linewidths=0)
    tau = float(kendall_tau_b(found[None], true)[0])
    axes.set(xlabel=f"measured {target}", ylabel=f"predicted {target}")
    axes.set_title(f"{len(true)} architectures, Kendall {tau:.2f}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
