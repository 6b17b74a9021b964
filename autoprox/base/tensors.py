"""Tensors in files of others, read by torch's restricted unpickler: nothing in a file is executed or blown up."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autoprox.base.foreign import parts_of


def read_tensors(path: Path) -> Any:
    """Reads what `torch.save` wrote of plain values and tensors; call it inside `foreign.reading`.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read.
        pickle.UnpicklingError: If it asks for anything but plain values and tensors.
        ValueError: If it is packed, or a tensor is not a plain block of numbers that the file holds.
        RuntimeError: If it is not such a file.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            # torch packs nothing; what is packed could be a thousand times as large.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is packed, which torch does not do")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a pickle of another protocol is read all the same
        content = torch.load(path, map_location="cpu", weights_only=True)
    for part in parts_of(content):
        if isinstance(part, Tensor):
            _require_plain(part)
    return content


def _require_plain(tensor: Tensor) -> None:
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        raise ValueError(f"it holds a tensor that is {tensor.layout}, on {tensor.device}, not a block of numbers")
    held = tensor.untyped_storage().nbytes()
    if tensor.numel() * tensor.element_size() > held:
        raise ValueError(f"it holds a tensor of shape {tuple(tensor.shape)} made of {held} bytes")
