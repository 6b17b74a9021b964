"""Networks of which a part cannot be seen: refused before anything is done, for a part would be a wrong score."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from autoprox.base.errors import CollectionError
from autoprox.inspect.nodes import Site, site_of


def check_supported(model: nn.Module) -> None:
    """Checks that every module of a network can be looked at, and that its parameters can have gradients.

    Raises:
        CollectionError: If one is traced, quantised, not yet initialised, without values, or made in inference mode;
            if the model is not a module.

    Example:
        >>> check_supported(nn.LazyLinear(2))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: The LazyLinear has no parameters yet; run the model once on a batch.
    """
    if not isinstance(model, nn.Module):
        raise CollectionError(f"The model is a {type(model).__name__}; give a torch.nn.Module.")
    for name, module in model.named_modules():
        reason = _why_not(module) or next((why for each in module._parameters.values() if (why := _why_no(each))), "")
        if reason:
            part = f" '{name}'" if name else ""
            raise CollectionError(f"The {type(module).__name__}{part} {reason}")


def _why_not(module: nn.Module) -> str:
    """Reason why a module cannot be inspected; empty if it can."""
    if isinstance(module, torch.jit.ScriptModule):
        return "is TorchScript, whose layers cannot be looked at; give the module that it was made from."
    weight = module._parameters.get("weight")
    narrow = site_of(module) is Site.LINEAR and isinstance(weight, Tensor) and not weight.is_floating_point()
    quantised = ".quantized" in type(module).__module__ or getattr(module, "is_quantized", False) is True
    if narrow or quantised:
        return "is quantised, and its weights have no gradients; give the network before it was quantised."
    return ""


def _why_no(parameter: Tensor | None) -> str:
    """Reason why a parameter cannot have a gradient; empty if it can."""
    if parameter is None:
        return ""
    if is_lazy(parameter):
        return "has no parameters yet; run the model once on a batch."
    if parameter.is_meta:
        return "is on the meta device, where parameters have no values; build it on a device that has."
    if parameter.is_inference():
        return "was made in torch.inference_mode, and its parameters can have no gradients; make it outside."
    if nn.Parameter not in type(parameter).__mro__:
        kind = type(parameter).__name__
        return f"holds a {kind}, whose numbers torch computes with in a way of its own; give it with plain parameters."
    return ""
