"""Digest of a trained network: its modules, their settings and their parameters."""

from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.content import content
from autoprox.base.digest import array_digest, digest

LIBRARIES = ("autoprox", "torch", "torchvision", "transformers", "timm")
"""Packages with classes that count by name, because their computation for given settings does not change."""

_PLAIN = (bool, int, float, str, type(None))


def module_digest(model: nn.Module) -> str:
    """Digests a network: the classes and settings of all its modules, its parameters and its buffers.

    Classes outside `LIBRARIES` count with their source. The training mode is ignored.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> before = module_digest(layer)
        >>> _ = layer.weight.data.add_(1)
        >>> module_digest(layer) == before
        False
    """
    parts = [[name, _kind(type(module)), _settings(module)] for name, module in model.named_modules()]
    held = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return digest([parts, [[name, _tensor(tensor)] for name, tensor in held], _config(model)])


def _kind(kind: type[nn.Module]) -> str:
    name = f"{kind.__module__}:{kind.__qualname__}"
    return name if kind.__module__.partition(".")[0] in LIBRARIES else f"{name} {content(kind)}"


def _settings(module: nn.Module) -> list[list[str]]:
    """Returns attributes, with functions and other objects by name, and the module's `extra_repr`."""
    own = {name: value for name, value in vars(module).items() if not name.startswith("_") and name != "training"}
    return [["", module.extra_repr()], *([name, _said(own[name])] for name in sorted(own))]


def _said(value: Any) -> str:
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_said, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_said(each)}' for key, each in value.items())}}}"
    if isinstance(value, Tensor):
        return _tensor(value)
    named = getattr(value, "__qualname__", None)
    return str(named) if named else type(value).__qualname__


def _config(model: nn.Module) -> str:
    """Returns the configuration of a model of transformers, as text."""
    config = getattr(model, "config", None)
    made = getattr(config, "to_dict", None)
    return _said(made()) if callable(made) else ""


def _tensor(tensor: Tensor) -> str:
    plain = tensor.detach().cpu()
    if plain.dtype is torch.bfloat16:
        plain = plain.float()
    return array_digest(plain.numpy())
