"""Proxies specific to transformers: of attention, and of the hidden layers of MLPs."""

import torch

from autoprox.inspect.nodes import Role, Site
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._count_proxies import params
from autoprox.scorers.zoo._rounding import centred
from autoprox.scorers.zoo._structure import blocks
from autoprox.scorers.zoo._zoo_proxies import function_proxy

ETA = 0.99
"""Share of the variance that the published W-PCA retains."""


@function_proxy(
    "attention_confidence",
    "Serianni 2023, Training-free Neural Architecture Search for RNNs and Transformers,"
    " https://arxiv.org/abs/2306.00288.",
    passes=("forward",),
)
def attention_confidence(subject: Subject) -> float:
    """Sum over attentions of the mean over images, heads and queries of the largest probability."""
    found = subject.collect("attention").tensors["attention"]
    return float(sum(each.amax(dim=-1).mean(dtype=torch.float64) for each in found))


@function_proxy(
    "w_pca",
    "Wang 2025, W-PCA Based Gradient-Free Proxy for Efficient Search of Lightweight Language Models, ICLR,"
    " https://arxiv.org/abs/2504.15983.",
    passes=("forward",),
    blocks=True,
)
def w_pca(subject: Subject) -> float:
    """Number of parameters times the principal components that explain 99 % of the hidden layers, summed over MLPs.

    The hidden layer is what the first linear layer of a block's MLP gives, over all tokens of the batch, centred.

    Raises:
        UndefinedScoreError: If all tokens of a hidden layer are alike, which have no components.
    """
    first = {block.first(Role.MLP).name for block in subject.once(blocks)}
    found = zip(subject.at(Site.LINEAR), subject.collect("output").tensors["output"], strict=True)
    components = 0
    for each in [output for node, output in found if node.name in first]:
        variances = torch.linalg.svdvals(centred(each.flatten(0, -2))).square()
        explained = variances.cumsum(0) / variances.sum()
        components += int((explained < ETA).sum()) + 1
    return params(subject) * components
