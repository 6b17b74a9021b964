"""Figures and reports of `python -m autoprox.parzc`."""

import argparse
import shlex
from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from autoprox.api.judgement import Judgement
from autoprox.base.arrays import Floats
from autoprox.base.versions import versions
from autoprox.bench.problem import Problem
from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.bench.sealed import sealed_count
from autoprox.bench.splits import Split
from autoprox.commands.problem_options import splits_of
from autoprox.predict.parzc import LearnedProxy, NodeFeatures
from autoprox.predict.parzc.aggregator_figures import calibration_figure, importance_figure, prediction_figure
from autoprox.report import LearningCurve, Predictions, learned_report

Facts = list[tuple[str, str]]

FIGURES = ("importance", "predictions", "calibration")
"""Names of the possible figures."""


def out_of_fold(proxy: LearnedProxy, data: NodeFeatures) -> Predictions:
    """Out-of-fold predictions of a model on its own training data: each by members that had not seen it."""
    model = proxy.model
    targets, groups = data.labels
    scales = model.group_scales_[np.searchsorted(model.groups_, groups)]
    mean, std = scales[:, 0] + scales[:, 1] * model.out_of_fold_mean_, scales[:, 1] * model.out_of_fold_std_
    return Predictions(groups, targets, possible(mean, groups), std)


def possible(mean: Floats, groups: Iterable[str]) -> Floats:
    """Predictions in label units, clipped to 0 to 100 % if all labels are accuracies.

    Args:
        mean: The predictions.
        groups: Names of their blocks, which end with the metric.
    """
    percent = {group.rpartition("/")[2] for group in groups} == {DEFAULT_METRIC}
    return np.clip(mean, 0.0, 100.0) if percent else mean


def figures_of(proxy: LearnedProxy, found: Predictions) -> dict[str, Figure]:
    """Figures by name; predictions and their calibration only if they are in label units."""
    figures = {"importance": importance_figure(proxy.model.node_importance(), proxy.nodes)}
    if found.in_units:
        figures["predictions"] = prediction_figure(found.targets, found.mean, found.std, found.groups)
        figures["calibration"] = calibration_figure(found.targets, found.mean, found.std)
    return figures


def fit_page(
    options: argparse.Namespace, proxy: LearnedProxy, data: NodeFeatures, curve: LearningCurve | None, seconds: float
) -> str:
    """The report of a fit."""
    what = (
        f"Out-of-fold predictions on {' and '.join(options.splits)}: each by members of the ensemble that had not seen"
        " that architecture."
    )
    facts = [*_facts(options, proxy), ("time", f"{seconds:.1f} s for the fit")]
    return learned_report(proxy, out_of_fold(proxy, data), what, facts, curve=curve)


def evaluate_page(
    options: argparse.Namespace,
    problem: Problem,
    proxy: LearnedProxy,
    found: Predictions,
    judgement: Judgement,
    warning: str | None,
) -> str:
    """The report of an evaluation."""
    what = f"Predictions on the split {options.split} of {problem.table.name}."
    documents = {
        name: verdict.to_document(judgement.judge.blocks)
        for name, verdict in {**judgement.proxies, **judgement.baselines}.items()
    }
    facts = [("judged on", f"{problem.table.name}, digest {problem.table.digest}"), *_facts(options, proxy)]
    if Split.SEALED in splits_of(options.split):
        times = sealed_count(problem.table.digest)
        facts.append(("sealed split", f"scored {times} time(s) on this table by this user, this time included"))
    sentence = None if warning is None else f"{warning}."
    return learned_report(proxy, found, what, facts, verdicts=documents, warning=sentence)


def _facts(options: argparse.Namespace, proxy: LearnedProxy) -> Facts:
    """Provenance of the model, and the command of the report."""
    provenance = proxy.provenance
    facts = [("command", shlex.join(options.words))]
    if "table" in provenance:
        facts += [
            ("learned on", f"{provenance['table']}, digest {provenance['table_digest']}"),
            ("splits", ", ".join(provenance["splits"])),
            ("blocks", ", ".join(provenance["blocks"])),
            ("architectures", str(len(provenance["arch_ids"]))),
            ("seed", str(provenance["seed"])),
            ("initialisations", str(provenance["init_seeds"])),
        ]
    return [
        *facts,
        ("variant", proxy.model.variant),
        ("loss", str(proxy.model.loss)),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions().items())),
    ]
