"""Interface of scorers: parts measure each network, and their values are joined into the scores of a set."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from torch import nn

from autoprox.base.arrays import Floats
from autoprox.graph import Expression, Leaves
from autoprox.inspect.nodes import Site
from autoprox.networks import Teacher
from autoprox.scorers._subject import Subject
from autoprox.spaces import Arch, Space
from autoprox.statistics import BatchLoss, Requirements


@runtime_checkable
class Scorer(Protocol):
    """Scores networks without training; a higher score means a better network.

    `autoprox.graph.Proxy` is a scorer, and so is every result of `autoprox.load`. `AbstractScorer` is a base class of
    scorers; `as_scorer` turns a function into a scorer.

    Example:
        >>> import autoprox
        >>> isinstance(autoprox.load("snip"), Scorer), isinstance(autoprox.load("az_nas"), Scorer)
        (True, True)
        >>> len(autoprox.load("snip").parts), len(autoprox.load("az_nas").parts)
        (1, 4)
    """

    @property
    def name(self) -> str:
        """Name for reports."""

    @property
    def sign(self) -> int:
        """1, or -1 if a smaller measure is better; already applied to every score."""

    @property
    def source(self) -> str:
        """Reference of the method."""

    @property
    def description(self) -> str:
        """Definition of the score."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Origin of this scorer, such as the table that it was discovered on; empty if unknown."""

    @property
    def identity(self) -> str | None:
        """Digest of its content without its name: scorers with the same identity give the same scores.

        None if the content cannot be determined; scores are then not cached.
        """

    @property
    def needs(self) -> Requirements:
        """Inputs that it needs, and passes that it runs; a teacher only if it has none yet."""

    @property
    def parts(self) -> "tuple[Scorer, ...]":
        """Parts that measure networks one by one: the scorer itself, unless it ranks within a set."""

    def join(self, values: Floats) -> Floats:
        """Scores of a set of networks, `(A,)`, from the values of the parts, `(P, A)`; NaN without a value."""

    def renamed(self, name: str) -> Self:
        """The same scorer under another name."""

    def taught_by(self, teacher: Teacher | nn.Module) -> Self:
        """The same scorer with a teacher, for all parts that compare with one; itself if none does."""

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model with its present parameters. The model is unchanged afterwards.

        Args:
            model: An untrained network.
            images: Batch, shape `(B, C, H, W)`, torch or NumPy.
            labels: Class indices, shape `(B,)`; None if the scorer does not read labels.
            loss: Loss of backward passes; the mean cross entropy by default.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """

    def score_many(
        self, models: Iterable[nn.Module], images: Any, labels: Any = None, *, loss: BatchLoss | None = None
    ) -> Floats:
        """Scores live models, shape `(A,)`; NaN without a finite value. An iterator is consumed lazily.

        For a scorer that ranks within a set, the models are the set. Other scorers score model by model, as `score`.

        Raises:
            CollectionError: If it cannot be computed on any of the models with this batch.

        Warns:
            UnscoredWarning: If it cannot be computed on some of the models, which are NaN; gives the reason.
        """


@runtime_checkable
class LeafPart(Protocol):
    """A part that is a function of node values, which are cached: it needs no live network."""

    @property
    def node_leaves(self) -> tuple[Expression, ...]:
        """Leaves of a network that it needs: reductions of tensors, and counts."""

    @property
    def teacher(self) -> Teacher | None:
        """The network that leaves compare with; None for the teacher of each network."""

    @property
    def selected_sites(self) -> frozenset[Site]:
        """Sites at which it selects nodes by role: the role of every node there must be known."""

    def score_leaves(self, leaves: Sequence[Leaves]) -> Floats:
        """Scores networks from their node values, `(A,)`; NaN without a finite value.

        Raises:
            CollectionError: If it cannot be computed from these values.
            FitError: If a fitted model does not cover such networks.
        """


@runtime_checkable
class ArchPart(Protocol):
    """A part that is a function of the architecture: it needs no network."""

    def score_arch(self, space: Space, arch: Arch) -> float:
        """Scores an architecture of a space; raises as `Scorer.score` does."""


@runtime_checkable
class SubjectPart(Protocol):
    """A part that is measured on a prepared model, and shares its passes with other parts."""

    def score_subject(self, subject: Subject) -> float:
        """Scores a prepared model; raises as `Scorer.score` does."""
