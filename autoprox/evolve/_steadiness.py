"""Tests if a ranking survives rounding-size perturbations."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed, digest
from autoprox.evolve.bank import Collect
from autoprox.graph import Evaluator, Expression, LeafTable
from autoprox.networks.network import Network, alike

LEAF_CHANGE, SCORE_CHANGE, PASS_CHANGE = 1e-12, 1e-7, 1e-6
"""Relative sizes of the perturbations: of leaf values, which are float64; of scores, which may be stored as float32;
and of images and weights, which then change statistics by about as much as another processor, attention kernel or
number of threads does."""

LARGEST_MOVE = 0.01
"""Largest change of a score when leaf values or the score itself are perturbed, as a share of the spread of the scores
in its ranking. When images and weights are perturbed, the space declares it (`Space.unsteadiness`)."""

SAMPLE = 4
"""Networks per space and split with passes repeated on perturbed images and weights."""


class Disturbed(Network):
    """A network with images and weights changed in the sixth digit, deterministically."""

    @classmethod
    def of(cls, network: Network) -> "Disturbed":
        """The perturbed form of a network."""
        rng = np.random.default_rng(derived_seed("disturbed images"))
        images = network.task.images
        moved = (images * (1 + PASS_CHANGE * rng.standard_normal(images.shape))).astype(images.dtype)
        return cls(network.space, network.arch, replace(network.task, images=moved), network.weights, network.teacher)

    @cached_property
    def key(self) -> str:
        """Digest of everything that determines its statistics."""
        return digest([super().key, "disturbed weights", PASS_CHANGE])

    def build(self) -> nn.Module:
        """Builds the untrained network and changes its weights."""
        model = super().build()
        generator = torch.Generator().manual_seed(derived_seed("disturbed weights"))
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1 + PASS_CHANGE * torch.randn(weight.shape, generator=generator))
        return model


def steady(
    graphs: Sequence[Expression], networks: Sequence[Network], leaves: LeafTable, collect: Collect
) -> npt.NDArray[np.bool_]:
    """True for each graph with a ranking that is more than rounding.

    Args:
        graphs: `P` graphs.
        networks: `A` networks for the test.
        leaves: Their leaf values.
        collect: Collects values of other networks.

    Returns:
        `(P,)`.
    """
    rng = np.random.default_rng(derived_seed("jitter"))
    exact, of_moved = (Evaluator(table).scores(graphs) for table in (leaves, leaves.jittered(LEAF_CHANGE, rng)))
    moved = exact * (1 + SCORE_CHANGE * rng.standard_normal(exact.shape))
    needed = list(dict.fromkeys(leaf for graph in graphs for leaf in graph.node_leaves))
    stands = np.ones(len(graphs), dtype=bool)
    spaces: set[str] = set()
    for places in alike(networks):
        owned = [exact[:, places], of_moved[:, places], moved[:, places]]
        stands &= (_stand(owned[0], owned[1]) & _stand(owned[0], owned[2])).all(axis=1)
        most = networks[places[0]].space.unsteadiness
        # One task per space is enough here: rounding is much the same in all of them.
        space = networks[places[0]].arch.space
        if space not in spaces:
            spaces.add(space)
            few = _spread(len(places))
            again = collect([Disturbed.of(networks[places[each]]) for each in few], needed)
            stands &= _stand(owned[0], Evaluator(LeafTable(again)).scores(graphs), few, most).all(axis=1)
    return stands


def _stand(
    exact: Floats, moved: Floats, few: Sequence[int] | slice = slice(None), most: float = LARGEST_MOVE
) -> npt.NDArray[np.bool_]:
    """True for each score that is stable, relative to the distances between scores.

    An outlier may move as a share of its distance from the others, which changes no rank.

    Args:
        exact: `(P, n)`, the scores of a ranking.
        moved: `(P, m)`, scores of some of its networks after a perturbation.
        few: Indices of these networks.
        most: Largest change, as a share of that distance.

    Returns:
        `(P, m)`; False for undefined scores.
    """
    own = exact[:, few]
    with np.errstate(invalid="ignore"):
        low, middle, high = np.percentile(exact, (25, 50, 75), axis=1, keepdims=True)
        # More than half of the scores may be equal.
        spread = np.where(high > low, high - low, exact.std(axis=1, keepdims=True))
        stands = np.abs(moved - own) <= most * np.maximum(spread, np.abs(own - middle))
    return np.asarray(stands & np.isfinite(exact).all(axis=1, keepdims=True))


def _spread(count: int) -> list[int]:
    """At most `SAMPLE` indices below a count, evenly spread."""
    return sorted(set(np.linspace(0, count - 1, SAMPLE).round().astype(int).tolist()))
