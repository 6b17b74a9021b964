"""Parameters of trained networks in safetensors files, which contain only tensors and no code."""

from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from autoprox.base.errors import StoreMismatchError
from autoprox.base.files import atomically
from autoprox.base.foreign import reading


def save_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Writes parameters and buffers of a network; shared ones are written once.

    Raises:
        AutoproxError: If the file cannot be written.

    Example:
        >>> from tempfile import mkdtemp
        >>> path, layer = Path(mkdtemp()) / "layer.safetensors", nn.Linear(2, 2)
        >>> save_checkpoint(layer, path)
        >>> load_checkpoint(nn.Linear(2, 2), path).weight.equal(layer.weight)
        True
    """
    atomically(Path(path), lambda beside: safetensors.torch.save_model(model, str(beside)))


def load_checkpoint(model: nn.Module, path: str | Path) -> Any:
    """Reads parameters and buffers into a network and returns it.

    Raises:
        StoreMismatchError: If the file is not a safetensors file, or does not fit the network.
    """

    def failure(reason: str) -> StoreMismatchError:
        return StoreMismatchError(
            f"'{path}' does not contain the parameters of this {type(model).__name__}: {reason}. Give the "
            "safetensors file written from it."
        )

    with reading(path, failure):
        try:
            safetensors.torch.load_model(model, str(path))
        except RuntimeError as error:
            lines = str(error).splitlines()[1:]  # the first line names only the class
            raise ValueError("; ".join(each.strip().rstrip(".") for each in lines) or str(error)) from error
    return model
