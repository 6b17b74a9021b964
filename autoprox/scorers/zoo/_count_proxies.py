"""Counts as proxies, the baselines of all others. In the built-in spaces they equal the closed forms of the spaces."""

from autoprox.networks import measuring
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._structure import blocks
from autoprox.scorers.zoo._zoo_proxies import function_proxy

_ABDELFATTAH = "Abdelfattah 2021, Zero-Cost Proxies for Lightweight NAS, https://arxiv.org/abs/2101.08134"


@function_proxy("params", f"The count of parameters, a baseline in {_ABDELFATTAH}.", passes=())
def params(subject: Subject) -> float:
    """Elements of all parameters, each counted once."""
    return float(sum(parameter.numel() for parameter in subject.model.parameters()))


@function_proxy("macs", f"The count of multiply-accumulates, a baseline in {_ABDELFATTAH}.", passes=("forward",))
def macs(subject: Subject) -> float:
    """Multiply-accumulates of one image: linear layers, convolutions, and the two products of attention.

    torch counts them operation by operation, fused attention included, at two a multiply-accumulate. Biases,
    normalisations, activations and softmax are not counted.
    """
    return subject.once(_macs)


def _macs(subject: Subject) -> float:
    return float(measuring.macs(subject.model, subject.images[:1]))


@function_proxy("depth", "The count of transformer blocks, a baseline.", passes=(), blocks=True)
def depth(subject: Subject) -> float:
    """Number of transformer blocks."""
    return float(len(subject.once(blocks)))


@function_proxy("mean_width", "The mean token size, a baseline.", passes=(), blocks=True)
def mean_width(subject: Subject) -> float:
    """Mean over transformer blocks of the size of a token."""
    found = subject.once(blocks)
    return sum(block.width for block in found) / len(found)


@function_proxy("sum_dim_depth", "The sum of token sizes over blocks, a baseline.", passes=(), blocks=True)
def sum_dim_depth(subject: Subject) -> float:
    """Sum over transformer blocks of the size of a token."""
    return float(sum(block.width for block in subject.once(blocks)))
