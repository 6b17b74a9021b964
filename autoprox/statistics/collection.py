"""`collect`: runs each necessary pass once and returns the requested statistics."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import checked_labels
from autoprox.inspect.finding import explained
from autoprox.inspect.nodes import Role, Site
from autoprox.inspect.preservation import Again, preserved, use_batch_statistics
from autoprox.networks import Teacher
from autoprox.statistics._all_statistics import STATISTICS
from autoprox.statistics.maps import teacher_maps
from autoprox.statistics.preparation import check_attention, needs_batch, prepare
from autoprox.statistics.statistic import BatchLoss, Given, Observation, Statistic, Values


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Name and role of a node, independent of the model.

    Args:
        name: Its qualified name in the model.
        role: Part of the model that it belongs to.
    """

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Collection:
    """Statistics of one model on one batch.

    Args:
        nodes: Nodes in forward order, by site; empty if the model has none.
        tensors: Requested tensor statistics by name, with one tensor per node of the site, detached and in the dtype of
            the pass, usually that of the model. They may be views: do not write into them.
        counts: Requested counts by name, float64 `(n_nodes,)`.
    """

    nodes: dict[Site, tuple[NodeInfo, ...]]
    tensors: dict[str, tuple[Tensor, ...]]
    counts: dict[str, npt.NDArray[np.float64]]


def collect(
    model: nn.Module,
    images: Any,
    labels: Any,
    names: Iterable[str],
    *,
    loss: BatchLoss | None = None,
    told: Container[Site] = (),
    teacher: Teacher | None = None,
) -> Collection:
    """Collects statistics of all nodes of a model.

    The model runs in evaluation mode with gradients enabled for all parameters. The passes that the statistics declare
    (see `autoprox.statistics.passes`) run once each, and only as far as necessary. Afterwards the model is restored bit
    by bit (see `autoprox.inspect.preservation`), even after an error. The calls of a node that is called several times
    are joined along the first dimension. Gradients at inputs include only the flow through the node itself.

    Networks of autoprox declare their nodes. Any other network runs forward once more to find them: see `find_nodes`
    for the rules and `describe` for the result. Fused attention is computed in separate steps, so that its
    probabilities can be recorded; the output of the model then differs only by rounding.

    A model in half precision is run in half precision, and so are its statistics; only the logits for the default loss
    and moments over images are widened to float32. Gradients below the range of float16 (6e-8) become zero, because the
    loss is not scaled. The synflow pass always computes in float64.

    Args:
        model: Any module.
        images: `(B, C, H, W)`, array or tensor, of the model's dtype; a tensor must be on the model's device.
        labels: `(B,)` class indices, or the labels of a custom `loss`; None if no requested statistic depends on them.
        names: Statistics, see `STATISTICS`.
        loss: Function of the model's output and the labels to differentiate; by default the mean cross entropy of
            logits `(B, num_classes)`, which are the output or, as in Hugging Face's classifiers, its attribute
            `logits`.
        told: Sites where the role of every node must be known, because it is used for selection; elsewhere an unknown
            role is OTHER.
        teacher: The network that paired statistics compare with.

    Raises:
        RegistryError: If a name is unknown.
        CollectionError: If the model has no linear layer, images or labels do not fit it or are not finite, a statistic
            needs more images or a teacher, a necessary role is unknown, or the model fails on the images or lacks
            necessary derivatives. A site without nodes is not an error: it has no tensors and no counts.

    Example:
        >>> from autoprox.inspect.nodes import declare
        >>> model = declare(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), Role.HEAD)
        >>> images = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> found = collect(model, images, [0, 2], ["weight_grad", "output", "tokens"])
        >>> found.nodes[Site.LINEAR]
        (NodeInfo(name='1', role=<Role.HEAD: 'head'>),)
        >>> found.tensors["weight_grad"][0].shape, found.tensors["output"][0].shape, found.counts["tokens"].tolist()
        (torch.Size([3, 16]), torch.Size([2, 3]), [1.0])
    """
    wanted = [STATISTICS[name] for name in dict.fromkeys(names)]
    with preserved(model) as again:
        given = prepare(model, images, labels, wanted, loss, told=told, batch=needs_batch(wanted))
        if teacher is not None:
            given = replace(given, teacher=partial(teacher_maps, teacher))
        return _collected(given, wanted, again)


def collect_prepared(given: Given, names: Iterable[str]) -> Collection:
    """`collect` for a model and a batch that are already prepared.

    Raises:
        RegistryError: If a name is unknown.
        CollectionError: As for `collect`.
    """
    wanted = [STATISTICS[name] for name in dict.fromkeys(names)]
    for each in wanted:
        if each.site is Site.ATTENTION:
            check_attention(given, each.name)
    if any(each.needs_labels for each in wanted) and given.labels is None and given.loss is None:
        checked_labels(None, given.images)
    with preserved(given.model) as again:
        return _collected(given, wanted, again)


def _collected(given: Given, wanted: Sequence[Statistic], again: Again) -> Collection:
    found = run_passes(given, wanted, again)
    tensors = {name: tuple(held) for name, held in found.items() if not isinstance(held, Tensor)}
    counts = {name: held.numpy() for name, held in found.items() if isinstance(held, Tensor)}
    infos = {site: tuple(NodeInfo(node.name, node.role) for node in given.at(site)) for site in Site}
    return Collection(infos, tensors, counts)


def run_passes(given: Given, wanted: Sequence[Observation], again: Again) -> Values:
    """Runs each pass that the statistics declare once, always on the original model.

    Statistics of sites without nodes need no pass.

    Args:
        given: Input of the passes.
        wanted: The statistics.
        again: Function that restores the model's state, from the surrounding `preserved`.

    Raises:
        CollectionError: If a statistic needs more images than there are, or a pass fails.
    """
    absent = [each for each in wanted if not given.at(each.site)]
    found: Values = {each.name: [] if each.count is None else torch.empty(0, dtype=torch.float64) for each in absent}
    for pass_ in dict.fromkeys(each.pass_ for each in wanted if each not in absent):
        taken = [each for each in wanted if each.pass_ == pass_ and each not in absent]
        if len(given.images) < pass_.least_images:
            least = [each for each in wanted if each.pass_.least_images == pass_.least_images and each not in absent]
            names = ", ".join(f"'{each.name}'" for each in least)
            raise CollectionError(
                f"{names}: differences between images need at least {pass_.least_images} of them, and the batch has "
                f"{len(given.images)}; give more images, or omit these statistics."
            )
        again()
        if pass_.batch_statistics:
            use_batch_statistics(given.model)
        with explained(given.model, given.images, f"{pass_.name} pass"):
            found |= pass_.run(pass_, given, taken)
    return found
