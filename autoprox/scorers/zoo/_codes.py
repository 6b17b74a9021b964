"""Proxies of binary codes: the units that an image activates.

The methods were published for ReLU networks, in which a unit is active if its pre-activation is positive. A GELU is a
smooth form of the ReLU, so that its code is also the sign of the pre-activation.
"""

import numpy as np
import torch
from torch import Tensor

from autoprox.base.errors import UndefinedScoreError
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._rounding import is_singular
from autoprox.scorers.zoo._zoo_proxies import function_proxy


def codes(subject: Subject) -> Tensor:
    """True for positive pre-activations: `(B, units)`, one unit per channel of every token.

    Codes are read after the activation function: a GELU, like a ReLU, is positive exactly for positive arguments.
    """
    found = subject.collect("activation").tensors["activation"]
    return torch.cat([(each > 0).reshape(len(subject.images), -1) for each in found], dim=1)


@function_proxy(
    "nwot",
    "Mellor 2021, Neural Architecture Search without Training, https://arxiv.org/abs/2006.04647.",
    passes=("forward",),
    images=2,
)
def nwot(subject: Subject) -> float:
    """Ln |det K| of the kernel K = (units in which two images agree), summed over layers.

    Raises:
        UndefinedScoreError: If K is singular, as it is where two images have one code.
    """
    on = subject.once(codes).double()
    kernel = on @ on.T + (1 - on) @ (1 - on).T
    if is_singular(torch.linalg.eigvalsh(kernel)):
        raise UndefinedScoreError("the codes of the images are linearly dependent, so that ln det K is minus infinity.")
    return float(torch.linalg.slogdet(kernel).logabsdet)


@function_proxy(
    "swap",
    "Peng 2024, SWAP-NAS: Sample-Wise Activation Patterns, https://arxiv.org/abs/2403.04161; the form without"
    " regularisation by size.",
    passes=("forward",),
    images=2,
)
def swap(subject: Subject) -> float:
    """Number of distinct sample-wise activation patterns: a pattern is the code of one unit over all images."""
    patterns = np.packbits(subject.once(codes).T.cpu().numpy(), axis=1)
    return float(len(np.unique(patterns, axis=0)))
