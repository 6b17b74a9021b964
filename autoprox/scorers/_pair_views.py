"""Comparisons of two networks on one batch: views of a network, and distances between two views.

TVT: Wei 2023, https://arxiv.org/abs/2311.14337, in the form released with Auto-Prox. DisWOT: Dong 2023,
https://arxiv.org/abs/2303.15678. All values are at most 0; higher values are nearer.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.inspect.batch import logits_of
from autoprox.scorers._subject import Subject
from autoprox.statistics.maps import attention_map, block_maps, relations

STAGES = 3
"""Number of blocks (first, middle and last) that represent the stages of a network with a constant grid."""


def stage_maps(subject: Subject) -> list[Tensor]:
    """The feature maps `(B, C, H, W)` at the end of each stage, detached.

    Tokens become a grid without class token. Where the grid changes, a stage ends where it does.
    """
    maps = block_maps(subject.model, subject.images)
    if not maps:
        raise UndefinedScoreError(f"the blocks of the {type(subject.model).__name__} give no feature maps.")
    ends = [place for place, each in enumerate(maps[:-1]) if each.shape[-1] != maps[place + 1].shape[-1]]
    chosen = [*ends, len(maps) - 1] if ends else [0, len(maps) // 2, len(maps) - 1]
    return [maps[place] for place in dict.fromkeys(chosen)]


def class_gradient(subject: Subject) -> Tensor:
    """Gradient of the mean cross entropy with respect to the classifier's weight, `(K, C)`, detached."""
    logits = logits_of(subject.model(subject.images))
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise CollectionError(f"the {type(subject.model).__name__} gives no logits (B, K).")
    heads = [
        each for each in subject.model.modules() if isinstance(each, nn.Linear) and each.out_features == logits.shape[1]
    ]
    if not heads:
        raise CollectionError(
            f"the {type(subject.model).__name__} has no linear classifier of {logits.shape[1]} classes."
        )
    loss = functional.cross_entropy(logits, subject.classes)
    (gradient,) = torch.autograd.grad(loss, [heads[-1].weight])
    return gradient.detach()


def attention_distance(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> float:
    """TVT's teacher-aware term: minus the mean squared difference of the attention maps of the last stages.

    The attention map of an image is the mean of the squared features over channels, as a vector of length 1; the
    coarser features are brought to the finer grid bilinearly before.
    """
    return _nearness(student[-1], teacher[-1])


def stages_distance(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> float:
    """The same, mean over all stages; those of networks with different numbers of stages are paired by depth."""
    count = max(len(student), len(teacher))
    pairs = [(place * len(student) // count, place * len(teacher) // count) for place in range(count)]
    return sum(_nearness(student[ours], teacher[theirs]) for ours, theirs in pairs) / count


def relation(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> float:
    """DisWOT's relation similarity: minus the mean squared difference of the relations between images, `B x B`.

    A relation is the product of the flattened last feature maps of two images, each row as a vector of length 1.
    """
    return -float(((relations(student[-1]) - relations(teacher[-1])) ** 2).mean())


def semantic(student: Tensor, teacher: Tensor) -> float:
    """DisWOT's semantic similarity between networks of any widths: how near the relations of their classes are.

    It is our own form: minus the mean squared difference of the products of the rows of the classifier's gradient,
    `K x K`, each row as a vector of length 1. The published form exists only where the widths are equal, so that within
    a space it would compare some students in one way and the others in another.
    """
    _require_classes(student, teacher)
    return -float(((relations(student) - relations(teacher)) ** 2).mean())


def semantic_features(student: Tensor, teacher: Tensor) -> float:
    """DisWOT's semantic similarity as published, for networks of equal width `C`.

    Minus the squared difference of the `C x C` products of features in the classifier's gradient, one for each class,
    with rows of length 1, summed and divided by `C K`.
    """
    _require_classes(student, teacher)
    (classes, width), other = student.shape, teacher.shape[1]
    if width != other:
        raise CollectionError(f"its classifier reads {width} features, the teacher's {other}; take diswot-semantic.")
    ours, theirs = (_rows(each.double()[:, :, None] * each.double()[:, None, :]) for each in (student, teacher))
    return -float(((ours - theirs) ** 2).sum()) / (classes * width)


def _require_classes(student: Tensor, teacher: Tensor) -> None:
    if student.shape[0] != teacher.shape[0]:
        raise CollectionError(f"it tells {student.shape[0]} classes apart, and the teacher {teacher.shape[0]}.")


def _nearness(student: Tensor, teacher: Tensor) -> float:
    grid = max(student.shape[-1], teacher.shape[-1])
    ours, theirs = (attention_map(each.double(), grid) for each in (student, teacher))
    return -float(((ours - theirs) ** 2).mean())


def _rows(matrix: Tensor) -> Tensor:
    """Normalises rows along the last dimension to norm 1; a row of zeros is unchanged."""
    return functional.normalize(matrix.double(), dim=-1)
