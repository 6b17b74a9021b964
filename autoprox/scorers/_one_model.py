"""Many scorers on one live model in one go: they share passes, and one that fails ends no other."""

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
    """Values of each of `P` scorers for one live model alone, or the reason why there is no value.

    Args:
        scorers: The scorers; of those that rank over a set, their parts.
        model: An untrained network; it is left as it was.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`; None where none of them reads any.
        loss: What the backward passes start from; the mean cross entropy by default.
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
    """Values of each of `P` scorers for a network alone, which is built if one of them looks at it.

    Args:
        scorers: As for `measured`.
        network: The network, with the batch of its task.
    """
    space, arch, task = network.space, network.arch, network.task
    found = {
        place: attempted(partial(each.score_arch, space, arch))
        for place, each in enumerate(scorers)
        if isinstance(each, ArchPart)
    }
    others = [place for place in range(len(scorers)) if place not in found]
    if others:
        live = measured([scorers[place] for place in others], network.build(), task.images, task.labels)
        found |= zip(others, live, strict=True)
    return [found[place] for place in range(len(scorers))]


def alone(scorer: Scorer, subject: Subject) -> float:
    """The score of a prepared model; raises as `Scorer.score` does."""
    if isinstance(scorer, SubjectPart):
        return scorer.score_subject(subject)
    return scorer.score(subject.model, subject.images, subject.labels, loss=subject.loss)


def evaluated(part: LeafPart, leaves: Sequence[Leaves]) -> list[Outcome]:
    """Values of a part for `A` networks whose node values were collected, or the reason why there is no value."""
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
    """All from one collection; where one of them asks for what the model lacks, each from a collection of its own."""
    wanted = list(dict.fromkeys(leaf for part in parts for leaf in part.node_leaves))
    told = frozenset().union(*(part.selected_sites for part in parts))
    try:
        leaves = leaves_of(model, images, labels, wanted, loss, told=told)
    except CollectionError as error:
        if len(parts) == 1:
            return [Outcome(np.nan, str(error))]
        return [outcome for part in parts for outcome in _by_leaves([part], model, images, labels, loss)]
    return [outcome for part in parts for outcome in evaluated(part, [leaves])]
