"""Proxies of how many directions tokens span."""

import torch
from torch import Tensor

from autoprox.errors import CollectionError
from autoprox.models.nodes import Role, Site
from autoprox.zoo.function import Subject
from autoprox.zoo.registry import function_proxy
from autoprox.zoo.structure import outputs


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

    Raises:
        CollectionError: If the batch has no more tokens than a token has channels, which again would give zero.
    """
    return sum(float(torch.linalg.eigvalsh(_correlation(each))[0]) for each in subject.once(outputs))


def _correlation(features: Tensor) -> Tensor:
    tokens = features.flatten(0, 1).double()
    rows, channels = tokens.shape
    if rows <= channels:
        raise CollectionError(
            f"the batch has {rows} tokens and a token {channels} channels; give more images, so that there are more"
            " tokens than channels."
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
    """
    return sum(effective_rank(each.flatten(0, 1)) for each in subject.once(outputs))


@function_proxy(
    "effective_rank",
    "Roy 2007, The effective rank: a measure of effective dimensionality, EUSIPCO; over the weights.",
    passes=(),
)
def effective_rank_of_weights(subject: Subject) -> float:
    """Sum over linear layers and convolutions of the effective rank of the weight, (outputs, all else)."""
    return sum(effective_rank(each.flatten(1)) for each in subject.collect("weight").tensors["weight"])


@function_proxy(
    "synaptic_diversity",
    "Zhou 2022, Training-free Transformer Architecture Search, https://arxiv.org/abs/2203.12217: the half of dss that"
    " is about attention.",
    passes=("synflow",),
)
def synaptic_diversity(subject: Subject) -> float:
    """Sum over linear layers of attention of the nuclear norms of |weight| and of its gradient, multiplied.

    The gradient is that of synflow: absolute parameters, an image of ones, the summed logits. The layers are those
    that the model has: one for queries, keys and values where it computes them together.
    """
    found = subject.collect("weight", "synflow_weight_grad")
    ours = [index for index, node in enumerate(subject.at(Site.LINEAR)) if node.role == Role.ATTENTION]
    pairs = [(found.tensors["weight"][index], found.tensors["synflow_weight_grad"][index]) for index in ours]
    return sum(_nuclear_norm(weight.abs()) * _nuclear_norm(gradient) for weight, gradient in pairs)


@function_proxy(
    "dss",
    "Zhou 2022, Training-free Transformer Architecture Search, https://arxiv.org/abs/2203.12217.",
    passes=("synflow",),
)
def dss(subject: Subject) -> float:
    """The DSS indicator of TF-TAS: synaptic diversity of attention plus synaptic saliency of MLPs.

    As in the paper over the blocks alone; the published code adds the saliency of patch embedding and classifier.
    """
    found = subject.collect("weight", "synflow_weight_grad")
    pairs = zip(subject.at(Site.LINEAR), found.tensors["weight"], found.tensors["synflow_weight_grad"], strict=True)
    saliency = sum(float((w * g).abs().sum()) for node, w, g in pairs if node.role == Role.MLP)
    return subject.once(synaptic_diversity) + saliency


def _nuclear_norm(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix.double().flatten(1), ord="nuc"))


def effective_rank(matrix: Tensor) -> float:
    """E to the entropy of the singular values, which are divided by their sum (Roy and Vetterli 2007).

    Example:
        >>> round(effective_rank(torch.eye(3)), 6), round(effective_rank(torch.ones(3, 3)), 6)
        (3.0, 1.0)
    """
    values = torch.linalg.svdvals(matrix.double())
    return float(torch.special.entr(values / values.sum()).sum().exp())
