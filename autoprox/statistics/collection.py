"""`collect`: runs the passes that are needed, once, and gives what was asked for."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import checked_labels
from autoprox.inspect.finding import FAILURES, failed, find_nodes
from autoprox.inspect.nodes import Role, Site
from autoprox.inspect.preservation import Again, preserved
from autoprox.statistics._all_statistics import STATISTICS
from autoprox.statistics.preparation import check_attention, needs_batch, prepare
from autoprox.statistics.statistic import BatchLoss, Given, Pass, Statistic, Values


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Facts about a node without the model.

    Args:
        name: Its qualified name in the model.
        role: Which part of the model it belongs to.
    """

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Collection:
    """Statistics of one model on one batch.

    Args:
        nodes: For every site, its nodes in forward order; empty where the model has none.
        tensors: Under the name of each tensor statistic that was asked for, one tensor per node of its site, detached
            and in the dtype of its pass, as a rule the one that the model computes it in. They may be views: do not
            write into them.
        counts: Under the name of each count, float64 `(n_nodes,)`.
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
) -> Collection:
    """Collects statistics of all nodes of a model.

    The model runs in evaluation mode with gradients enabled for all parameters, in the passes that the names declare
    (see `autoprox.statistics.passes`), each once and only as far as it has to go. Afterwards it is as it was, to the
    bit (see `autoprox.inspect.preservation`), also if this raises. A node that is called several times has its calls
    joined along the first dimension. Gradients at inputs are those that flow through the node alone.

    Networks of autoprox declare their nodes. Any other is run once more, forward, to find them: see `find_nodes` for
    what is found, and `describe` to look at it. Fused attention is taken apart, so that its probabilities are taken
    like any other tensor; the output of the model is the same but for rounding then.

    A model in half precision is computed, and its statistics are given, in half precision; only the logits are widened
    to float32 for the default loss, and moments over images are taken in it. Gradients that float16 cannot hold (below
    6e-8) are zero then: no loss scaling is done. The synflow pass computes and gives float64, whatever the model is in.

    Args:
        model: Any module.
        images: `(B, C, H, W)`, array or tensor, of the model's dtype; a tensor has to be on the model's device.
        labels: `(B,)` class indices; with a `loss` of your own, whatever that takes; None where no statistic that is
            asked for depends on them.
        names: Statistics, see `STATISTICS`.
        loss: What is differentiated, a function of the model's output and the labels; by default the mean cross entropy
            of logits `(B, num_classes)`: the output or, as in Hugging Face's classifiers, its attribute `logits`.
        told: Sites of which the role of every node has to be known, because something selects by it; elsewhere a role
            that no rule tells is OTHER.

    Raises:
        RegistryError: If a name is unknown.
        CollectionError: If the model has no linear layer, if images or labels do not fit it or are not finite, if there
            are too few of them for a statistic, if a role is not known that has to be, or if the model fails on the
            images or has not the derivatives that are needed. A site that it has no nodes of is not an error: there are
            no tensors and no counts then.

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
        given = prepare(model, images, labels, wanted, loss, find_nodes, told=told, batch=needs_batch(wanted))
        return _collected(given, wanted, again)


def collect_prepared(given: Given, names: Iterable[str]) -> Collection:
    """`collect` of a model and a batch that are prepared already.

    Raises:
        RegistryError: If a name is unknown.
        CollectionError: As `collect`.
    """
    wanted = [STATISTICS[name] for name in dict.fromkeys(names)]
    check_attention(given, wanted)
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


def run_passes(given: Given, wanted: Sequence[Statistic], again: Again) -> Values:
    """Runs the passes that the statistics declare, each once, and each on the model as it was given.

    Nothing is run for a statistic of a site that the model has no nodes of.

    Args:
        given: What the passes work on.
        wanted: The statistics.
        again: Of the model that is `preserved` around this, what puts it into its state again.

    Raises:
        CollectionError: If a statistic needs more images than there are, or a pass fails.
    """
    _check_enough(given, wanted)
    absent = [each for each in wanted if not given.at(each.site)]
    wanted = [each for each in wanted if each not in absent]
    found: Values = {each.name: [] if each.count is None else torch.empty(0, dtype=torch.float64) for each in absent}
    for pass_ in dict.fromkeys(each.pass_ for each in wanted):
        again(pass_.batch_statistics)
        found |= _run(pass_, given, [each for each in wanted if each.pass_ == pass_])
    return found


def _check_enough(given: Given, wanted: Sequence[Statistic]) -> None:
    for least in sorted({each.pass_.least_images for each in wanted}):
        if needs_batch(wanted) and len(given.images) < least:
            names = ", ".join(f"'{each.name}'" for each in wanted if each.pass_.least_images == least)
            raise CollectionError(
                f"{names}: what differs between images needs at least {least} of them, and the batch holds "
                f"{len(given.images)}; give more images, or leave these statistics out."
            )


def _run(pass_: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    if not pass_.least_images:
        return pass_.run(pass_, given, wanted)
    try:
        # What was made in the caller's inference mode can take no part in a backward pass; a copy can.
        labels = given.labels.clone() if isinstance(given.labels, Tensor) else given.labels
        return pass_.run(pass_, replace(given, labels=labels), wanted)
    except CollectionError:
        raise
    except FAILURES as error:
        raise failed(given.model, given.images, f"{pass_.name} pass", error) from error
