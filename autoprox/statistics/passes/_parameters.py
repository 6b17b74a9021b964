"""Replacement of parameters while a pass runs."""

import torch
from torch import Tensor, nn

from autoprox.statistics.statistic import Pass


def absolute_parameter(parameter: Tensor) -> Tensor:
    """|w|, a new tensor."""
    return parameter.abs()


@torch.no_grad()
def substitute(model: nn.Module, pass_: Pass) -> None:
    """Puts in what a pass declares: other parameters, another dtype. Nothing that the model holds is written into.

    Entries of modules are replaced, and `preserve.preserved`, inside of which passes run, puts the old ones back: the
    same objects, which were not touched. A parameter that several modules share is replaced by one that they share.
    As in zero-cost-nas (Abdelfattah 2021, https://arxiv.org/abs/2101.08134) all parameters are meant: biases, affine
    parameters of normalisations, tokens and position embeddings as well as weights. Buffers only change their dtype.

    Args:
        model: The model.
        pass_: `parameters` and `dtype` of it are looked at.
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
