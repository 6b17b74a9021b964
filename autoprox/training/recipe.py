"""The recipe of a training: all its settings except architecture, data set and seed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import cos, pi
from typing import Any

from autoprox.base.digest import digest
from autoprox.base.errors import SpecError


@dataclass(frozen=True)
class Distillation:
    """Distillation of the label kind `kd`: locality guidance by a small convolutional teacher, optionally with logits.

    Three blocks of the student imitate the feature maps of the teacher's three stages (Li 2022, Locality Guidance for
    Improving Vision Transformers on Tiny Datasets, https://arxiv.org/abs/2207.10026). The weight is the published one
    of the `kd` labels of ViT-Bench-101.

    Attributes:
        teacher_epochs: Passes of the teacher over the training images.
        teacher_width: Channels of the teacher's first stage; the others have two and four times as many.
        guidance_weight: Weight of the mean squared distance of feature maps.
        logit_weight: Weight of the divergence from the teacher's softened predictions (Hinton 2015).
        temperature: Divisor of the logits in softened predictions.
        version: Incremented when a change of the distillation code changes labels.
    """

    teacher_epochs: int = 30
    teacher_width: int = 16
    guidance_weight: float = 2.5
    logit_weight: float = 0.0
    temperature: float = 4.0
    version: int = 1

    def __post_init__(self) -> None:
        _at_least_one(self, "distillation", "teacher_epochs", "teacher_width")


@dataclass(frozen=True)
class Recipe:
    """A short schedule of AdamW without augmentation. Its digest is part of the identity of every label.

    The schedule is short for two reasons. Early in training, architectures of one size differ by much more than two
    seeds of one architecture. Also, a table needs many trainings.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Largest learning rate.
        warmup: Share of the steps over which the learning rate rises linearly from 0.
        weight_decay: Decoupled weight decay, on all parameters.
        label_smoothing: Share of the target that is spread over all classes.
        distillation: Settings of the label kind `kd`.
        zero_residuals: True to start the last linear map of each residual branch at zero, so that each block starts as
            the identity (Goyal 2017, https://arxiv.org/abs/1706.02677; Zhang 2019, https://arxiv.org/abs/1901.09321).
            In a short schedule, deep networks benefit only with this option.
        version: Incremented when a change of the training code changes labels.

    Raises:
        SpecError: If a value is out of range.

    Example:
        >>> Recipe(epochs=3).epochs
        3
        >>> Recipe().digest == Recipe(epochs=10).digest
        True
    """

    epochs: int = 10
    batch_size: int = 50
    learning_rate: float = 2e-3
    warmup: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    distillation: Distillation = field(default_factory=Distillation)
    zero_residuals: bool = False
    version: int = 2

    def __post_init__(self) -> None:
        _at_least_one(self, "recipe", "epochs", "batch_size")
        if not 0 <= self.warmup < 1:
            raise SpecError(f"The recipe's warmup must be a share of the steps from 0 to below 1, not {self.warmup}.")

    @cached_property
    def digest(self) -> str:
        """Digest of all values."""
        return digest(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """All values by name, for the manifest; `zero_residuals` only if set.

        Omitting the option keeps the digests of recipes older than the option.
        """
        values = asdict(self)
        if not self.zero_residuals:
            del values["zero_residuals"]
        return values

    def learning_rates(self, steps: int) -> Sequence[float]:
        """The learning rate of every step: linear warm-up, then half a cosine down to 0.

        Args:
            steps: Total number of steps.

        Example:
            >>> Recipe(warmup=0.5, learning_rate=1.0).learning_rates(4)
            [0.5, 1.0, 1.0, 0.5]
        """
        warmup = round(self.warmup * steps)
        rising = [(step + 1) / warmup for step in range(warmup)]
        falling = [(1 + cos(pi * step / (steps - warmup))) / 2 for step in range(steps - warmup)]
        return [self.learning_rate * factor for factor in rising + falling]


def _at_least_one(holder: object, what: str, *names: str) -> None:
    for name in names:
        if getattr(holder, name) < 1:
            raise SpecError(f"The {what}'s {name} must be at least 1, not {getattr(holder, name)}.")
