"""Replacement of parameters while a pass runs."""

import torch
from torch import Tensor, nn

from autoprox.statistics.statistic import Pass


def absolute_parameter(parameter: Tensor) -> Tensor:
    """|w|, a new tensor."""
    return parameter.abs()


@torch.no_grad()
def substitute(model: nn.Module, pass_: Pass) -> None:
    """Substitutes parameters and dtype as a pass declares, without modifying any tensor of the model.

    Entries of modules are replaced, and the surrounding `preserved` restores the original objects. A parameter shared
    by several modules is replaced by a shared one. As in zero-cost-nas (Abdelfattah 2021,
    https://arxiv.org/abs/2101.08134) this applies to all parameters: weights, biases, affine parameters of
    normalisations, tokens and position embeddings. Buffers only change their dtype.

    Args:
        model: The model.
        pass_: The pass; only its `parameters` and `dtype` are used.
    """
    if pass_.parameters is None and pass_.dtype is None:
        return
    made: dict[int, Tensor] = {}
    for module in model.modules():
        for holder in (module._parameters, module._buffers):
            for name, tensor in holder.items():
                if tensor is not None and tensor.is_floating_point():
                    if id(tensor) not in made:
                        made[id(tensor)] = _substitute(tensor, pass_)
                    holder[name] = made[id(tensor)]  # type: ignore[assignment]


def _substitute(tensor: Tensor, pass_: Pass) -> Tensor:
    if not isinstance(tensor, nn.Parameter):
        return tensor.to(pass_.dtype)
    changed = tensor.detach() if pass_.parameters is None else pass_.parameters(tensor.detach())
    return nn.Parameter(changed.to(pass_.dtype))
