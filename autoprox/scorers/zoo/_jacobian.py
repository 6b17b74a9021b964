"""Proxies of the Jacobian at the images, which differs between images in a good network."""

import torch
from torch import Tensor

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._rounding import alike
from autoprox.scorers.zoo._zoo_proxies import function_proxy

K = 1e-5
"""Guard of the published logarithms and reciprocals; part of their definition, and far above rounding."""

MANY_CLASSES = 100
"""With more classes, EPE-NAS compares classes with each other."""


def jacobian(subject: Subject) -> Tensor:
    """Gradient of the summed outputs with respect to each image: `(B, pixels)`, float64."""
    images = subject.images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(subject.output_sum(images), images)
    return gradient.flatten(1).double()


def correlations(rows: Tensor) -> Tensor:
    """Correlations `(B, B)` of Jacobians `(B, pixels)`; 1 for a single Jacobian.

    Raises:
        CollectionError: If a Jacobian is not finite.
        UndefinedScoreError: If a Jacobian is constant.
    """
    if not rows.isfinite().all():
        raise CollectionError("the gradient of the outputs with respect to the images is not finite.")
    constant = alike(rows)
    if constant.any():
        first = int(constant.nonzero()[0])
        raise UndefinedScoreError(
            f"the gradient of its outputs is the same for all pixels of image {first}, so that it has no correlation."
        )
    return torch.corrcoef(rows)


@function_proxy(
    "jacov",
    "Mellor 2020, Neural Architecture Search without Training, https://arxiv.org/abs/2006.04647v1, as jacob_cov in"
    " Abdelfattah 2021.",
    passes=("forward", "backward to the images"),
    images=2,
)
def jacov(subject: Subject) -> float:
    """-sum(ln(v + k) + 1 / (v + k)) over the eigenvalues v of the correlation of the images' Jacobians, k = 1e-5.

    Raises:
        UndefinedScoreError: If a Jacobian is constant, as that of a dead network is, and so has no correlation.
    """
    values = torch.linalg.eigvalsh(correlations(subject.once(jacobian))) + K
    return -float((values.log() + 1 / values).sum())


@function_proxy(
    "epe_nas",
    "Lopes 2021, EPE-NAS, https://arxiv.org/abs/2102.08099.",
    passes=("forward", "backward to the images"),
    labels=True,
    images=2,
)
def epe_nas(subject: Subject) -> float:
    """Jacobians of images correlated within each class: e_c = sum(ln(|correlation| + k)), k = 1e-5.

    The score is the sum of |e_c|; with more than 100 classes in the batch, as published, each e_c is divided by the
    class's number of images, and the score is the sum of |e_c - e_d| over all ordered pairs of classes, divided by the
    number of classes. Needs two images of one class.

    Raises:
        CollectionError: If every image has a class of its own.
        UndefinedScoreError: If a Jacobian is constant, which correlates with nothing.
    """
    rows = subject.once(jacobian)
    labels = subject.classes.tolist()
    classes = [[row for row, label in enumerate(labels) if label == chosen] for chosen in dict.fromkeys(labels)]
    if max(map(len, classes)) == 1:
        raise CollectionError("it needs two images of one class, and every image of this batch has a class of its own.")
    many = len(classes) > MANY_CLASSES
    entropies = []
    for members in classes:
        correlation = correlations(rows[members]).abs()
        entropies.append((correlation + K).log().sum() / (len(members) if many else 1))
    found = torch.stack(entropies)
    if many:
        return float((found[:, None] - found[None, :]).abs().sum() / len(found))
    return float(found.abs().sum())
