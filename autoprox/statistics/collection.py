"""`collect`: runs the passes that are needed, once, and gives what was asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autoprox.errors import CollectionError
from autoprox.models.nodes import Node, Role, Site, nodes
from autoprox.statistics.batch import check_logits, checked_images, checked_labels, model_weight, own_labels
from autoprox.statistics.preserve import preserved
from autoprox.statistics.registry import STATISTICS, Pass, Statistic, Tap
from autoprox.statistics.taps import Taps

Loss = Callable[[Any, Any], Tensor]
"""From the model's output and the labels to a scalar."""

_SINGLE = 4
# Bytes of a float32: narrower logits are widened for the default loss, whose exponentials lose too much in them.


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What is known of a node without the model.

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
        tensors: Under the name of each tensor statistic that was asked for, one tensor a node of its site, detached and
            in the model's dtype. They may be views: do not write into them.
        counts: Under the name of each count, float64 `(n_nodes,)`.
    """

    nodes: dict[Site, tuple[NodeInfo, ...]]
    tensors: dict[str, tuple[Tensor, ...]]
    counts: dict[str, npt.NDArray[np.float64]]


def collect(
    model: nn.Module, images: Any, labels: Any, names: Iterable[str], *, loss: Loss | None = None
) -> Collection:
    """Collects statistics of all nodes of a model.

    The model runs in evaluation mode with gradients enabled for all parameters, at most once forward and once backward,
    and only as far as the names need. Afterwards it is as it was, to the bit (see `autoprox.statistics.preserve`), also
    if this raises. A node that is called several times has its calls joined along the first dimension. Gradients at
    inputs are those that flow through the node alone.

    A model in half precision is computed, and its statistics are given, in half precision; only the logits are widened
    to float32 for the default loss. Gradients that float16 cannot hold (below 6e-8) are zero then: no loss scaling is
    done.

    Args:
        model: Any module whose nodes have roles (`autoprox.models.nodes`).
        images: `(B, C, H, W)`, array or tensor, of the model's dtype; a tensor has to be on the model's device.
        labels: `(B,)` class indices; with a `loss` of your own, whatever that takes.
        names: Statistics, see `STATISTICS`.
        loss: What is differentiated; the mean cross entropy of logits `(B, num_classes)` by default.

    Raises:
        RegistryError: If a name is unknown.
        CollectionError: If the model has no linear layer or none of the nodes that a statistic is of, if images or
            labels do not fit it or are not finite, or if it fails on them.

    Example:
        >>> from autoprox.models.nodes import declare
        >>> model = declare(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), Role.HEAD)
        >>> images = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> found = collect(model, images, [0, 2], ["weight_grad", "output", "tokens"])
        >>> found.nodes[Site.LINEAR]
        (NodeInfo(name='1', role=<Role.HEAD: 'head'>),)
        >>> found.tensors["weight_grad"][0].shape, found.tensors["output"][0].shape, found.counts["tokens"].tolist()
        (torch.Size([3, 16]), torch.Size([2, 3]), [1.0])
    """
    wanted = [STATISTICS[name] for name in dict.fromkeys(names)]
    found = nodes(model)
    by_site = {site: tuple(node for node in found if node.site is site) for site in Site}
    check_sites(model, by_site, wanted)
    taps, images_count = Taps(found, wanted), 0
    if any(each.pass_ is not Pass.STATIC for each in wanted):
        weight = model_weight(by_site[Site.LINEAR][0].module)
        inputs = checked_images(images, weight)
        targets = checked_labels(labels, inputs) if loss is None else own_labels(labels, inputs)
        images_count = len(inputs)
        with preserved(model, weight.device):
            # What was made in the caller's inference mode can take no part in a backward pass; a copy can.
            targets = targets.clone() if isinstance(targets, Tensor) else targets
            taps = run_passes(model, inputs, targets, loss, found, wanted)
    tensors, counts = {}, {}
    for each in wanted:
        at = by_site[each.site]
        if each.count is None:
            tensors[each.name] = tuple(node_tensor(each, node, taps) for node in at)
            continue
        calls = [[] if each.pass_ is Pass.STATIC else taps.shapes(node) for node in at]
        values = [each.count(node.module, shapes, images_count) for node, shapes in zip(at, calls, strict=True)]
        counts[each.name] = np.array(values, dtype=np.float64)
    infos = {site: tuple(NodeInfo(node.name, node.role) for node in at) for site, at in by_site.items()}
    return Collection(infos, tensors, counts)


def check_sites(model: nn.Module, by_site: dict[Site, tuple[Node, ...]], wanted: Sequence[Statistic]) -> None:
    """Checks that the model has nodes of every site that is asked of."""
    if not by_site[Site.LINEAR]:
        raise CollectionError(
            f"The {type(model).__name__} has no Linear and no Conv2d, so there is nothing to take statistics of; "
            f"give the network itself, not a part or a wrapper that hides it."
        )
    for each in wanted:
        if not by_site[each.site]:
            held = ", ".join(site for site, at in by_site.items() if at)
            raise CollectionError(
                f"The statistic '{each.name}' is taken at {each.site} nodes, and the {type(model).__name__} has none; "
                f"it has nodes of: {held}. Attention is seen where a torch.nn.Softmax gives its probabilities."
            )


def run_passes(
    model: nn.Module,
    images: Tensor,
    labels: Any,
    loss: Loss | None,
    found: Sequence[Node],
    wanted: Sequence[Statistic],
) -> Taps:
    """One forward pass with taps and, if a gradient is wanted, one backward pass.

    Gradients are recorded in the forward pass whether or not they are wanted: with recording off torch may choose fused
    kernels that pass the nodes by, and a value must not depend on what else was asked for.
    """
    taps = Taps(found, wanted)
    try:
        with taps.attached():
            output = model(images.clone())
        if not taps.settled():
            # Seldom: a model that works in place on what a node takes or gives. The forward pass is run once more, with
            # copies; to copy always would cost time and memory with all other models.
            taps = Taps(found, wanted, protect=True)
            with taps.attached():
                output = model(images.clone())
            taps.settled()
        if any(each.pass_ is Pass.BACKWARD for each in wanted):
            taps.differentiate(_loss_value(output, labels, loss))
    except RuntimeError as error:
        raise CollectionError(
            f"The {type(model).__name__} failed on images of shape {tuple(images.shape)} and {images.dtype}: {error}"
        ) from error
    return taps


def _loss_value(output: Any, labels: Any, loss: Loss | None) -> Tensor:
    """The loss, checked to be something that can be differentiated."""
    if loss is None:
        check_logits(output, labels)
        value = torch.nn.functional.cross_entropy(output.float() if output.itemsize < _SINGLE else output, labels)
    else:
        value = loss(output, labels)
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise CollectionError(f"The loss is {got}; it has to be a tensor of one element.")
    if not value.requires_grad:
        raise CollectionError("The loss does not depend on the parameters; does the model compute under torch.no_grad?")
    if not torch.isfinite(value):
        raise CollectionError(
            f"The loss is {value.item()} though the images are finite: the model overflows or holds such values. "
            f"Look at its parameters, or compute in a wider dtype than {value.dtype}."
        )
    return value


def node_tensor(statistic: Statistic, node: Node, taps: Taps) -> Tensor:
    """The tensor of one node; a weight is copied, for the model may go on to be trained."""
    assert statistic.tap is not None
    if statistic.pass_ is Pass.BACKWARD:
        return taps.gradient(node, statistic.tap)
    return (
        model_weight(node.module).detach().clone() if statistic.tap is Tap.WEIGHT else taps.value(node, statistic.tap)
    )
