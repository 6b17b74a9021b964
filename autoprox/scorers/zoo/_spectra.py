"""Proxies of the number of directions that tokens span."""

import torch
from torch import Tensor

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._rounding import alike
from autoprox.scorers.zoo._structure import outputs
from autoprox.scorers.zoo._zoo_proxies import function_proxy


@function_proxy(
    "meco",
    "Jiang 2023, MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of Correlation,"
    " NeurIPS.",
    passes=("forward",),
    blocks=True,
)
def meco(subject: Subject) -> float:
    """Sum over blocks of the smallest eigenvalue of the correlation of their output channels.

    Published for the channels of convolutions, over the positions of one image. Here a position is a token; a token is
    wider than an image has tokens, so the correlation is taken over the tokens of all images. Layers inside a block
    are left out: normalised or widened channels are linearly dependent, so their smallest eigenvalue is always zero.
    A block adds zero if a channel of it is the same for all tokens, whose correlations the published code takes as 0.

    Raises:
        CollectionError: If the batch has no more tokens than a token has channels, which again would give zero.
    """
    return sum(map(_smallest, subject.once(outputs)))


def _smallest(features: Tensor) -> float:
    correlation = _correlation(features)
    if alike(features.flatten(0, 1), dim=0).any():
        return 0.0
    return float(torch.linalg.eigvalsh(correlation)[0])


def _correlation(features: Tensor) -> Tensor:
    tokens = features.flatten(0, 1).double()
    rows, channels = tokens.shape
    if rows <= channels:
        raise CollectionError(
            f"the batch has {rows} tokens, but more than {channels} (the channels of a token) are needed; give more"
            " images."
        )
    return torch.corrcoef(tokens.T)


@function_proxy(
    "rankme",
    "Garrido 2023, RankMe, https://arxiv.org/abs/2210.02885: the effective rank of Roy and Vetterli 2007.",
    passes=("forward",),
    blocks=True,
)
def rankme(subject: Subject) -> float:
    """Sum over blocks of the effective rank of their output: e to the entropy of the normalised singular values.

    Published for the embedding behind the encoder; before training every block is worth a look.

    Raises:
        UndefinedScoreError: If a block gives zeros alone.
    """
    return sum(effective_rank(each.flatten(0, 1)) for each in subject.once(outputs))


def effective_rank(matrix: Tensor) -> float:
    """Exponential of the entropy of the singular values, normalised to sum 1 (Roy and Vetterli 2007).

    Example:
        >>> round(effective_rank(torch.eye(3)), 6), round(effective_rank(torch.ones(3, 3)), 6)
        (3.0, 1.0)
    """
    values = torch.linalg.svdvals(matrix.double())
    if not values.any():
        raise UndefinedScoreError("a block outputs only zeros, which have no effective rank.")
    return float(torch.special.entr(values / values.sum()).sum().exp())
