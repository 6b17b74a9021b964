"""What everything that scores networks has in common, whether it is a graph or not."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.base.errors import UndefinedScoreError
from autoprox.graph.collect import Leaves
from autoprox.graph.expression import Expression
from autoprox.statistics import STATISTICS, Stage

Loss = Callable[[Any, Any], Tensor]
"""From the model's output and the labels to a scalar."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a scorer has to be given, and what it runs.

    Args:
        passes: What it runs: "forward", "backward", "per-image backward", ...; empty if it looks at the module alone.
        labels: Whether it reads the labels; where it does not, they may be None.
        images: Fewest images that it can score on.
        blocks: Whether it has to find the transformer blocks of the model.
        small: Whether its cost grows so steeply that only small networks are affordable.
        statistics: Of a graph, the statistics that it is made of.

    Example:
        >>> str(Requirements(passes=("forward", "backward"), labels=True, images=2))
        'forward, backward; labels, 2 images'
    """

    passes: tuple[str, ...] = ()
    labels: bool = False
    images: int = 1
    blocks: bool = False
    small: bool = False
    statistics: tuple[str, ...] = ()

    @classmethod
    def together(cls, needed: Iterable["Requirements"]) -> "Requirements":
        """What several scorers need at once.

        Example:
            >>> str(Requirements.together([Requirements(("forward",), images=2), Requirements(labels=True)]))
            'forward; labels, 2 images'
        """
        each = list(needed)
        return cls(
            passes=tuple(dict.fromkeys(name for one in each for name in one.passes)),
            labels=any(one.labels for one in each),
            images=max(one.images for one in each),
            blocks=any(one.blocks for one in each),
            small=any(one.small for one in each),
            statistics=tuple(sorted({name for one in each for name in one.statistics})),
        )

    def __str__(self) -> str:
        given = [
            *(["labels"] if self.labels else []),
            *([f"{self.images} images"] if self.images > 1 else []),
            *(["blocks"] if self.blocks else []),
            *(["small networks"] if self.small else []),
        ]
        return "; ".join(filter(None, [", ".join(self.passes) or "module alone", ", ".join(given)]))


@runtime_checkable
class Scorer(Protocol):
    """Scores networks without training them; a higher score means a better network, the sign is inside.

    `autoprox.graph.Proxy` is one, and so is everything in the zoo (`autoprox.scorers.zoo`).

    Example:
        >>> import autoprox
        >>> isinstance(autoprox.load("snip"), Scorer), isinstance(autoprox.load("jacov"), Scorer)
        (True, True)
    """

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def sign(self) -> int:
        """1, or -1 where less of the measure is better; already part of every score."""

    @property
    def source(self) -> str:
        """Where the method comes from."""

    @property
    def requirements(self) -> Requirements:
        """What it has to be given, and what it runs."""

    def score(self, model: nn.Module, images: Any, labels: Any, *, loss: Loss | None = None) -> float:
        """Scores one live model, with the parameters it has. The model is left as it was.

        Args:
            model: An untrained network.
            images: Batch, shape `(B, C, H, W)`, torch or NumPy.
            labels: Class indices, shape `(B,)`.
            loss: What a backward pass starts from; the mean cross entropy by default.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """

    def score_many(self, models: Iterable[nn.Module], images: Any, labels: Any, *, loss: Loss | None = None) -> Floats:
        """Scores live models, an iterator lazily: shape `(A,)`, NaN where there is no finite value.

        For a scorer that ranks over a set the models are the set; for all others this is `score`, model by model.

        Raises:
            CollectionError: If it cannot be computed on one of the models with this batch.
        """


@runtime_checkable
class LeafScorer(Scorer, Protocol):
    """A scorer that is a function of node values, which are cached: it needs no live network."""

    @property
    def node_leaves(self) -> tuple[Expression, ...]:
        """What it needs of a network: reductions of tensors, and counts."""

    def score_leaves(self, leaves: Sequence[Leaves]) -> Floats:
        """Scores networks whose node values were collected, `(A,)`."""


def requirements_of(statistics: Sequence[str]) -> Requirements:
    """What statistics have to be given, and what is run for them.

    Example:
        >>> str(requirements_of(["weight", "weight_grad"]))
        'forward, backward; labels'
    """
    needed = [STATISTICS[name] for name in statistics]
    runs: dict[str, None] = {}
    for each in needed:
        if each.stage is not Stage.STATIC:
            plain = ("forward", "backward") if each.stage is Stage.BACKWARD else ("forward",)
            runs |= dict.fromkeys(plain if each.pass_.name == "data" else (each.pass_.name,))
    return Requirements(
        passes=tuple(runs),
        labels=any(each.needs_labels for each in needed),
        images=max(1, *(each.pass_.least_images for each in needed)),
        statistics=tuple(statistics),
    )


def score_each(
    scorer: Scorer, models: Iterable[nn.Module], images: Any, labels: Any, loss: Loss | None = None
) -> Floats:
    """`score`, model by model: shape `(A,)`, NaN where there is no finite value.

    Raises:
        CollectionError: If a score cannot be computed on one of the models with this batch.
    """
    values = []
    for model in models:
        try:
            values.append(scorer.score(model, images, labels, loss=loss))
        except UndefinedScoreError:
            values.append(np.nan)
    return np.array(values, dtype=np.float64)
