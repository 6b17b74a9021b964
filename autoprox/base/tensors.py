"""Tensors in untrusted files, read by torch's restricted unpickler: no code is executed, and nothing is unpacked."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autoprox.base.foreign import parts_of


def read_tensors(path: Path) -> Any:
    """Reads plain values and tensors written by `torch.save`; call it inside `foreign.reading`.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read.
        pickle.UnpicklingError: If it contains anything but plain values and tensors.
        ValueError: If it is compressed, or a tensor is not a plain block of numbers in the file.
        RuntimeError: If `torch.save` did not write it.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            # torch does not compress; a compressed entry could unpack to a thousand times its size.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed, and files of torch are not")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pickles of another protocol are read as well
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
        raise ValueError(f"it holds a tensor of shape {tuple(tensor.shape)} in {held} bytes")
