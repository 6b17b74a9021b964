"""Plan of Progressive Meta-Pooling Learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from autoprox.base.errors import SpecError, suggestion
from autoprox.spaces.mixer import ENHANCERS
from autoprox.training import Recipe

MODES = ("argmax", "released")
"""Choice of a stage once its lead reaches the threshold: its best operation, or the second of the list."""


@dataclass(frozen=True)
class MetaPoolPlan:
    """Plan of Progressive Meta-Pooling Learning (PMPL): training and decisions.

    The published rate of the architecture weights, 3e-4, is for about 39,000 steps. Adam moves a weight by at most
    about its rate per step, so that it can cover about 12 nats. The default here covers 4 to 10 nats in the 80 to 200
    steps that 20 epochs of the built-in data sets are.

    Attributes:
        epochs: Passes over the half of the training images that the weights are trained on.
        batch_size: Images of a step.
        learning_rate: Largest learning rate of the weights, with warm-up and cosine as in `Recipe`.
        arch_learning_rate: Learning rate of the architecture weights, which is constant.
        threshold: Lead of the best operation over the second, as a difference of probabilities, at which a stage is
            decided.
        ops: Operations of the mixture.
        mode: `argmax`, or `released` for the indexing fault of the published code: a stage that reaches the threshold
            takes the second operation of its list, whichever leads.
        seed: Seed of parameters and of the order of images.
        clip: Largest norm of the gradient of the weights.

    Raises:
        SpecError: If a value is out of range, or there is no such mode or operation.

    Example:
        >>> MetaPoolPlan(epochs=3).late
        2
    """

    epochs: int = 20
    batch_size: int = 50
    learning_rate: float = Recipe.learning_rate
    arch_learning_rate: float = 0.05
    threshold: float = 0.2
    ops: tuple[str, ...] = ENHANCERS
    mode: str = "argmax"
    seed: int = 0
    clip: float = 5.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise SpecError(f"`{name}` must be at least 1, not {getattr(self, name)}.")
        for name in ("learning_rate", "arch_learning_rate"):
            if not getattr(self, name) >= 0:
                raise SpecError(f"`{name}` must be at least 0, not {getattr(self, name)}.")
        if not self.clip > 0:
            raise SpecError(f"`clip` must be above 0, not {self.clip}.")
        if not 0 < self.threshold <= 1:
            raise SpecError(f"`threshold` must lie above 0 and be at most 1, not {self.threshold}.")
        if self.mode not in MODES:
            raise SpecError(f"`mode` is '{self.mode}'. {suggestion(self.mode, MODES)}")
        _check_ops(self.ops)

    @property
    def late(self) -> int:
        """The epoch after which undecided stages keep their best two operations: two thirds of all."""
        return -(-2 * self.epochs // 3)

    @cached_property
    def recipe(self) -> Recipe:
        """Recipe for training the weights."""
        return Recipe(epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate)


def _check_ops(ops: Sequence[str]) -> None:
    for op in ops:
        if op not in ENHANCERS:
            raise SpecError(f"Unknown pooling '{op}' in `ops`. {suggestion(op, ENHANCERS)}")
    if len(ops) < 2 or len(set(ops)) < len(ops):
        raise SpecError(f"`ops` needs at least two different operations, not {', '.join(ops) or 'none'}.")
