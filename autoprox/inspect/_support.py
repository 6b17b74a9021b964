"""Refusal of networks with parts that cannot be inspected: a score of the rest would be wrong."""

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from autoprox.base.errors import CollectionError
from autoprox.inspect.nodes import Site, site_of


def check_supported(model: nn.Module) -> None:
    """Checks that every module of a network can be inspected, and that its parameters can have gradients.

    Raises:
        CollectionError: If a module is traced, quantised, uninitialised, without values, or created in inference mode,
            or the model is not a `torch.nn.Module`.

    Example:
        >>> check_supported(nn.LazyLinear(2))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: The LazyLinear has no parameters yet; run the model once on a batch.
    """
    if not isinstance(model, nn.Module):
        raise CollectionError(f"The model is a {type(model).__name__}; give a torch.nn.Module.")
    for name, module in model.named_modules():
        if reason := _why_not(module):
            part = f" '{name}'" if name else ""
            raise CollectionError(f"The {type(module).__name__}{part} {reason}")


def _why_not(module: nn.Module) -> str:
    """Reason why a module cannot be inspected; empty if it can."""
    if isinstance(module, torch.jit.ScriptModule):
        return "is TorchScript and cannot be inspected; give the original module."
    held = [parameter for parameter in module._parameters.values() if parameter is not None]
    if any(map(is_lazy, held)):
        return "has no parameters yet; run the model once on a batch."
    weight = module._parameters.get("weight")
    narrow = site_of(module) is Site.LINEAR and weight is not None and not weight.is_floating_point()
    if narrow or ".quantized" in type(module).__module__ or getattr(module, "is_quantized", False) is True:
        return "is quantised and its weights have no gradients; give the network before quantisation."
    if any(parameter.is_meta for parameter in held):
        return "is on the meta device, where parameters have no values; build it on another device."
    if any(parameter.is_inference() for parameter in held):
        return "was created in torch.inference_mode, so its parameters cannot have gradients; create it outside."
    strange = [type(parameter).__name__ for parameter in held if nn.Parameter not in type(parameter).__mro__]
    if strange:
        return f"has a parameter of type {strange[0]} with special arithmetic; give it with plain parameters."
    return ""
