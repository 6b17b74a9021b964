"""The product of the Hessian of the loss with its gradient, of which GraSP is made.

GraSP (Wang 2020, https://arxiv.org/abs/2002.07376, equation 8) is -w * (H g). As in zero-cost-nas the Hessian is that
with respect to the weights of linear layers and convolutions together, not of biases and the like, and there is one
batch. The temperature there is 1 as well; the 200 of GraSP's own code flattens the softmax of networks that are
to be pruned, and would only add a constant of its own here.
"""

from collections.abc import Sequence

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from autoprox.errors import CollectionError
from autoprox.statistics.passes.losses import loss_value
from autoprox.statistics.passes.weights import at_nodes, node_weights
from autoprox.statistics.statistic import Given, Pass, Statistic, Taken


def run_hessian(_pass: Pass, given: Given, wanted: Sequence[Statistic]) -> Taken:
    """Differentiates the loss, and the gradient once more.

    Raises:
        CollectionError: If the model has no second derivative.
    """
    weights = node_weights(given)
    # Fused attention has no second derivative; torch's plain form of the same function has.
    with sdpa_kernel(SDPBackend.MATH):
        loss = loss_value(given.model(given.images.clone()), given.labels, given.loss)
    gradients = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    # A gradient that does not depend on the weights takes no part: its derivative is zero.
    live = [gradient for gradient in gradients if gradient is not None and gradient.requires_grad]
    try:
        found = torch.autograd.grad(live, weights, [each.detach() for each in live], allow_unused=True) if live else ()
    except RuntimeError as error:
        names = ", ".join(f"'{each.name}'" for each in wanted)
        raise CollectionError(
            f"The {type(given.model).__name__} has no second derivative, which {names} needs: {error} Ask for other "
            f"statistics, or build the model without fused or hand-written operations (for transformers, "
            f"attn_implementation='eager')."
        ) from error
    products = found or [None] * len(weights)
    filled = [torch.zeros_like(w) if p is None else p for w, p in zip(weights, products, strict=True)]
    values = at_nodes(given, weights, [each.detach() for each in filled])
    return Taken({each.name: values for each in wanted}, {})
