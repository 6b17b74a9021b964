"""AZ-NAS (Lee 2024, https://arxiv.org/abs/2403.19232): four measures of the residual stream, joined by ranks.

The features are the same as in the authors' search of AutoFormer: the tokens after the attention and after the MLP of
every block. That search omits progressivity; the general form of the paper, used here, has all four parts.
"""

from itertools import pairwise

import torch
from torch import Tensor

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.scorers._ranking import RankedProxy
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._count_proxies import macs
from autoprox.scorers.zoo._rounding import centred
from autoprox.scorers.zoo._structure import stream
from autoprox.scorers.zoo._zoo_proxies import ZOO, function_proxy

_SOURCE = (
    "Lee 2024, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, https://arxiv.org/abs/2403.19232"
)
_EPS = 1e-6  # of the published 1 / (s + eps)


def entropies(subject: Subject) -> list[float]:
    """For each feature, the entropy of the variances along its principal components.

    Raises:
        UndefinedScoreError: If all tokens of a feature are equal.
    """
    found = []
    for each in subject.once(stream):
        tokens = centred(each.detach().flatten(0, 1))
        # Rounding can make the smallest eigenvalues negative, for which entropy is undefined.
        variances = torch.linalg.eigvalsh(tokens.T @ tokens / len(tokens)).clamp(min=0)
        found.append(float(torch.special.entr(variances / variances.sum()).sum()))
    return found


@function_proxy("az_expressivity", f"{_SOURCE}: expressivity.", passes=("forward",), blocks=True)
def expressivity(subject: Subject) -> float:
    """Sum over features of the entropy of their principal components' variances."""
    return sum(subject.once(entropies))


@function_proxy("az_progressivity", f"{_SOURCE}: progressivity.", passes=("forward",), blocks=True)
def progressivity(subject: Subject) -> float:
    """Smallest gain in that entropy from one feature to the next.

    Raises:
        CollectionError: If the model has one feature only.
    """
    found = subject.once(entropies)
    if len(found) == 1:
        raise CollectionError("it compares features with the next ones, and the model has one feature only.")
    return min(after - before for before, after in pairwise(found))


@function_proxy(
    "az_trainability", f"{_SOURCE}: trainability.", passes=("forward", "backward, block by block"), blocks=True
)
def trainability(subject: Subject) -> float:
    """Mean over pairs of successive features of 2 - s - 1 / (s + 1e-6).

    s is the spectral norm of the pair's Jacobian, estimated by one random gradient of signs g: of g_in.T @ g_out
    divided by the number of tokens. It is best, 0, at s = 1, where gradients keep their size. Pairs between which the
    tokens change in number or width (pooling) have no such matrix and are left out.

    Raises:
        CollectionError: If no two successive features have the same shape.
        UndefinedScoreError: If a block lets no gradient through, so that its s is not above the guard of 1e-6.
    """
    scores = []
    for index, (before, after) in enumerate(pairwise(subject.once(stream))):
        if before.shape == after.shape:
            signs = subject.noise(f"az_trainability {index}", after).sign()
            (gradient,) = torch.autograd.grad(after, before, signs, retain_graph=True, allow_unused=True)
            norm = 0.0 if gradient is None else _spectral_norm(gradient, signs)
            if norm <= _EPS:
                raise UndefinedScoreError(f"no gradient passes from feature {index} to the next one.")
            scores.append(2 - norm - 1 / (norm + _EPS))
    if not scores:
        raise CollectionError("it compares successive features of one shape, and the model has no such pair.")
    return sum(scores) / len(scores)


def _spectral_norm(gradient: Tensor, signs: Tensor) -> float:
    inner, outer = gradient.flatten(0, 1).double(), signs.flatten(0, 1).double()
    return float(torch.linalg.matrix_norm(inner.T @ outer / len(outer), ord=2))


@function_proxy("az_complexity", f"{_SOURCE}: complexity.", passes=("forward",))
def complexity(subject: Subject) -> float:
    """Multiply-accumulates of one image, as the proxy macs counts them."""
    return macs(subject)


_PARTS = ("az_expressivity", "az_progressivity", "az_trainability", "az_complexity")

ZOO.register(
    "az_nas",
    RankedProxy(
        "az_nas",
        tuple(ZOO[name] for name in _PARTS),
        f"{_SOURCE}: the logarithms of the ranks of four parts, summed.",
    ),
)
