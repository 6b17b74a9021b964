"""Product of the Hessian of the loss and its gradient, for GraSP.

GraSP (Wang 2020, https://arxiv.org/abs/2002.07376, equation 8) is -w * (H g). As in zero-cost-nas (Abdelfattah 2021,
https://arxiv.org/abs/2101.08134) H is taken with respect to the weights of all linear layers and convolutions together,
without biases and other parameters, on one batch, and the logits have temperature 1. GraSP's pruning code divides the
logits by 200, which makes the softmax nearly uniform for any network.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from autoprox.base.errors import CollectionError
from autoprox.statistics.passes._node_weights import at_nodes, node_weights
from autoprox.statistics.passes.losses import loss_value
from autoprox.statistics.statistic import Given, Observation, Pass, Values


def run_hessian(_pass: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Differentiates the loss twice.

    Raises:
        CollectionError: If the model has no second derivative.
    """
    weights = node_weights(given)
    # Fused attention has no second derivative, but torch's unfused implementation does.
    with sdpa_kernel(SDPBackend.MATH):
        loss = loss_value(given.model(given.images.clone()), given.labels, given.loss)
    gradients = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    # A gradient that does not depend on the weights is skipped, because its derivative is zero.
    live = [gradient for gradient in gradients if gradient is not None and gradient.requires_grad]
    if _marked_as_once(live):
        raise _no_second_derivative(given, wanted, "one of its functions is marked as differentiable only once")
    try:
        found = torch.autograd.grad(live, weights, [each.detach() for each in live], allow_unused=True) if live else ()
    except RuntimeError as error:
        raise _no_second_derivative(given, wanted, str(error)) from error
    products = found or [None] * len(weights)
    filled = [torch.zeros_like(w) if p is None else p for w, p in zip(weights, products, strict=True)]
    values = at_nodes(given, weights, [each.detach() for each in filled])
    return {each.name: values for each in wanted}


def _no_second_derivative(given: Given, wanted: Sequence[Observation], reason: str) -> CollectionError:
    names = ", ".join(f"'{each.name}'" for each in wanted)
    return CollectionError(
        f"The {type(given.model).__name__} has no second derivative, which {names} needs ({reason}). Request "
        "other statistics, or build the model without fused or custom operations (for transformers, "
        "attn_implementation='eager')."
    )


def _marked_as_once(gradients: Sequence[Tensor]) -> bool:
    """True if a function behind these gradients is marked as differentiable only once.

    The mark raises an error if it is run, but it is not connected with the weights: for gradients at the weights it is
    not run, so a part of the product would be missing without notice.
    """
    seen: set[torch.autograd.graph.Node | None] = {None}
    pending = [gradient.grad_fn for gradient in gradients]
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen.add(node)
            pending.extend(before for before, _ in node.next_functions)
            if node.name() == "torch::autograd::Error":
                return True
    return False
