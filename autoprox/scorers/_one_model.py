"""Several scorers on one live model: they share passes, and the failure of one does not affect the others."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from autoprox.base.errors import CollectionError, FitError
from autoprox.base.outcomes import Outcome, attempted
from autoprox.graph import Leaves, leaves_of
from autoprox.networks.network import Network
from autoprox.scorers._interface import ArchPart, LeafPart, Scorer, SubjectPart
from autoprox.scorers._subject import Subject, prepared
from autoprox.statistics import BatchLoss


def measured(
    scorers: Sequence[Scorer], model: nn.Module, images: Any, labels: Any, loss: BatchLoss | None = None
) -> list[Outcome]:
    """Values of `P` scorers for one live model, or the reasons why a value is missing.

    Args:
        scorers: The scorers; for a scorer that ranks within a set, give its parts.
        model: An untrained network, unchanged afterwards.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`; None if no scorer reads labels.
        loss: Loss of backward passes; the mean cross entropy by default.
    """
    found: dict[int, Outcome] = {}
    by_leaves = {place: each for place, each in enumerate(scorers) if isinstance(each, LeafPart)}
    if by_leaves:
        found |= zip(by_leaves, _by_leaves(list(by_leaves.values()), model, images, labels, loss), strict=True)
    others = {place: each for place, each in enumerate(scorers) if place not in by_leaves}
    if others:
        try:
            with prepared(model, images, labels, loss) as subject:
                found |= {place: attempted(partial(alone, each, subject)) for place, each in others.items()}
        except CollectionError as error:
            found |= dict.fromkeys(others, Outcome(np.nan, str(error)))
    return [found[place] for place in range(len(scorers))]


def measured_network(scorers: Sequence[Scorer], network: Network) -> list[Outcome]:
    """Values of `P` scorers for one network, which is built only if a scorer needs a live model.

    Args:
        scorers: As for `measured`.
        network: The network, with the batch of its task, and the teacher of scorers that have none yet.
    """
    space, arch, task = network.space, network.arch, network.task
    found = {
        place: attempted(partial(each.score_arch, space, arch))
        for place, each in enumerate(scorers)
        if isinstance(each, ArchPart)
    }
    others = [place for place in range(len(scorers)) if place not in found]
    if others:
        chosen = [scorers[place] for place in others]
        if network.teacher is not None:
            chosen = [each.taught_by(network.teacher) if each.needs.teacher else each for each in chosen]
        live = measured(chosen, network.build(), task.images, task.labels)
        found |= zip(others, live, strict=True)
    return [found[place] for place in range(len(scorers))]


def alone(scorer: Scorer, subject: Subject) -> float:
    """Scores a prepared model by one scorer; raises as `Scorer.score` does."""
    if isinstance(scorer, SubjectPart):
        return scorer.score_subject(subject)
    return scorer.score(subject.model, subject.images, subject.labels, loss=subject.loss)


def evaluated(part: LeafPart, leaves: Sequence[Leaves]) -> list[Outcome]:
    """Values of a part for `A` networks from their node values, or the reasons why a value is missing."""
    if not leaves:
        return []
    try:
        values = part.score_leaves(leaves)
    except (CollectionError, FitError) as error:
        if len(leaves) == 1:
            return [Outcome(np.nan, str(error))]
        return [outcome for each in leaves for outcome in evaluated(part, [each])]
    return [Outcome(value if np.isfinite(value) else np.nan) for value in values.tolist()]


def _by_leaves(
    parts: Sequence[LeafPart], model: nn.Module, images: Any, labels: Any, loss: BatchLoss | None
) -> list[Outcome]:
    """Collects leaves once for all parts; if the model lacks leaves of one part, collects separately for each.

    Parts with different teachers are collected separately.
    """
    teacher = parts[0].teacher
    if any(part.teacher is not teacher for part in parts):
        return [outcome for part in parts for outcome in _by_leaves([part], model, images, labels, loss)]
    wanted = list(dict.fromkeys(leaf for part in parts for leaf in part.node_leaves))
    told = frozenset().union(*(part.selected_sites for part in parts))
    try:
        leaves = leaves_of(model, images, labels, wanted, loss, told=told, teacher=teacher)
    except CollectionError as error:
        if len(parts) == 1:
            return [Outcome(np.nan, str(error))]
        return [outcome for part in parts for outcome in _by_leaves([part], model, images, labels, loss)]
    return [outcome for part in parts for outcome in evaluated(part, [leaves])]
