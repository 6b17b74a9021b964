"""Replacement of parameters while a pass runs."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def absolute_in_float64(model: nn.Module) -> None:
    """Replaces every parameter by |w| in float64, without modifying any tensor of the model.

    Entries of modules are replaced, and the surrounding `preserved` restores the original objects. A parameter shared
    by several modules is replaced by a shared one. As in zero-cost-nas (Abdelfattah 2021,
    https://arxiv.org/abs/2101.08134) this applies to all parameters: weights, biases, affine parameters of
    normalisations, tokens and position embeddings. Buffers only change their dtype.
    """
    made: dict[int, Tensor] = {}
    for module in model.modules():
        for holder in (module._parameters, module._buffers):
            for name, tensor in holder.items():
                if tensor is not None and tensor.is_floating_point():
                    if id(tensor) not in made:
                        own = isinstance(tensor, nn.Parameter)
                        made[id(tensor)] = nn.Parameter(tensor.abs().double()) if own else tensor.double()
                    holder[name] = made[id(tensor)]  # type: ignore[assignment]
