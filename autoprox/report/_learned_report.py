"""Report of a learned aggregator: its predictions, their reliability, and the importance of nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.figure import Figure

from autoprox.metrics import kendall_tau_b
from autoprox.predict.parzc import LearnedProxy
from autoprox.predict.parzc.aggregator_figures import (
    calibration_figure,
    coverage,
    importance_figure,
    learning_curve_figure,
    prediction_figure,
)
from autoprox.report._page import render
from autoprox.report._svg import figure_svg

_LEVEL = 0.9
_PROMINENT = 10


@dataclass(frozen=True)
class Predictions:
    """Predictions of labels with their uncertainty.

    Args:
        groups: `(n,)`, the block of each prediction.
        targets: `(n,)`, labels; higher is better.
        mean: `(n,)`.
        std: `(n,)`.
        in_units: True if mean and std are in label units; otherwise only ranks are comparable.
    """

    groups: npt.NDArray[Any]
    targets: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]
    in_units: bool = True

    def of(self, group: str) -> "Predictions":
        """Predictions of one block."""
        own = self.groups == group
        return Predictions(self.groups[own], self.targets[own], self.mean[own], self.std[own], self.in_units)

    @property
    def coverage(self) -> float | None:
        """Share of labels inside the 90 % interval; None without label units."""
        return coverage(self.targets, self.mean, self.std, _LEVEL) if self.in_units else None


@dataclass(frozen=True)
class LearningCurve:
    """Correlation of a model with fewer labels.

    Args:
        sizes: Numbers of labelled architectures per block.
        taus: `(len(sizes), draws)`, joint Kendall tau.
        judged_on: The judging split.
    """

    sizes: Sequence[int]
    taus: npt.NDArray[np.float64]
    judged_on: str


def learned_report(
    proxy: LearnedProxy,
    predictions: Predictions,
    what: str,
    facts: Sequence[tuple[str, str]],
    *,
    verdicts: Mapping[str, Mapping[str, Any]] | None = None,
    curve: LearningCurve | None = None,
    warning: str | None = None,
) -> str:
    """The report of a fitted model, a whole HTML page.

    Args:
        proxy: The model with its input statistics.
        predictions: Its predictions, and the labels.
        what: Sentence that describes these predictions.
        facts: Provenance, as pairs of name and text.
        verdicts: Verdicts of the model (first) and of its rivals, as JSON-compatible data, if it was judged.
        curve: The learning curve, if any.
        warning: Warning at the top of the page.
    """
    importance = proxy.model.node_importance()
    return render(
        "learned.html",
        title=f"{proxy.name}: a learned aggregator",
        proxy=proxy,
        what=what,
        warning=warning,
        predictions=predictions,
        blocks=[_block(number, name, predictions) for number, name in enumerate(np.unique(predictions.groups))],
        calibration=_calibration(predictions) if predictions.in_units else None,
        importance=_importance(importance, proxy.nodes),
        nodes=_most_important(importance, proxy.nodes),
        curve=None if curve is None else _curve(curve),
        curve_split=None if curve is None else curve.judged_on,
        verdicts=verdicts,
        facts=facts,
    )


def _block(number: int, name: str, predictions: Predictions) -> dict[str, Any]:
    own = predictions.of(name)
    tau = float(kendall_tau_b(own.mean[None], own.targets)[0])
    shown = {"name": name, "n": len(own.targets), "kendall": tau, "coverage": own.coverage, "figure": None}
    if own.in_units:
        alt = f"Predicted against true label on {name}, {len(own.targets)} architectures, Kendall {tau:.2f}."
        shown["figure"] = figure_svg(
            lambda: prediction_figure(own.targets, own.mean, own.std), f"predictions-{number}", alt
        )
    return shown


def _calibration(predictions: Predictions) -> Markup:
    alt = f"Calibration: {predictions.coverage:.0%} of the labels are inside the nominal {_LEVEL:.0%} interval."
    return figure_svg(
        lambda: calibration_figure(predictions.targets, predictions.mean, predictions.std), "calibration", alt
    )


def _importance(importance: npt.NDArray[np.float64], nodes: Sequence[str]) -> Markup:
    first = _most_important(importance, nodes)[0]
    alt = f"Share of importance over depth, one line per role; {first['name']} has the largest, {first['share']:.1%}."
    return figure_svg(lambda: importance_figure(importance, nodes), "importance", alt)


def _most_important(importance: npt.NDArray[np.float64], nodes: Sequence[str]) -> list[dict[str, Any]]:
    order = np.argsort(-importance, kind="stable")[:_PROMINENT]
    return [{"name": nodes[index], "share": float(importance[index])} for index in order]


def _curve(curve: LearningCurve) -> Markup:
    means = ", ".join(f"{tau:.2f} with {size}" for size, tau in zip(curve.sizes, curve.taus.mean(axis=1), strict=True))

    def draw() -> Figure:
        return learning_curve_figure(curve.sizes, {"model": curve.taus})

    return figure_svg(draw, "curve", f"Kendall's tau over labelled architectures: {means}.")
