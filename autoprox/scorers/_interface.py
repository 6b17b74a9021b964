"""Interface of scorers: measured network by network in parts, whose values are joined to the scores of a set."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from torch import nn

from autoprox.base.arrays import Floats
from autoprox.graph import Expression, Leaves
from autoprox.inspect.nodes import Site
from autoprox.scorers._subject import Subject
from autoprox.spaces import Arch, Space
from autoprox.statistics import BatchLoss, Requirements


@runtime_checkable
class Scorer(Protocol):
    """Scores networks without training them; a higher score means a better network, the sign is inside.

    `autoprox.graph.Proxy` is one, and so is everything that `autoprox.load` gives. `AbstractScorer` has what most
    scorers share; `as_scorer` makes one of a function.

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
        """1, or -1 where less of the measure is better; already part of every score."""

    @property
    def source(self) -> str:
        """Where the method comes from."""

    @property
    def description(self) -> str:
        """How it is computed."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where this very scorer comes from, such as the table that it was discovered on; empty if nowhere."""

    @property
    def identity(self) -> str | None:
        """Digest of its content, name excluded: scorers of one identity give the same scores.

        None where the content cannot be told; then no score is kept.
        """

    @property
    def needs(self) -> Requirements:
        """Inputs that it needs, and passes that it runs."""

    @property
    def parts(self) -> "tuple[Scorer, ...]":
        """Parts that are measured of each network by itself: itself alone, unless it ranks over a set."""

    def join(self, values: Floats) -> Floats:
        """The scores of a set of networks, `(A,)`, from the values of the parts, `(P, A)`; NaN without a value."""

    def renamed(self, name: str) -> Self:
        """The same scorer under another name."""

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model, with the parameters it has. The model is left as it was.

        Args:
            model: An untrained network.
            images: Batch, shape `(B, C, H, W)`, torch or NumPy.
            labels: Class indices, shape `(B,)`; None where it does not read them.
            loss: What a backward pass starts from; the mean cross entropy by default.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """

    def score_many(
        self, models: Iterable[nn.Module], images: Any, labels: Any = None, *, loss: BatchLoss | None = None
    ) -> Floats:
        """Scores live models, an iterator lazily: shape `(A,)`, NaN where there is no finite value.

        For a scorer that ranks over a set the models are the set; for all others this is `score`, model by model.

        Raises:
            CollectionError: If it cannot be computed on any of the models with this batch.

        Warns:
            UnscoredWarning: If it cannot be computed on some of the models, which are NaN; says why.
        """


@runtime_checkable
class LeafPart(Protocol):
    """A part that is a function of node values, which are cached: it needs no live network."""

    @property
    def node_leaves(self) -> tuple[Expression, ...]:
        """Leaves that it needs of a network: reductions of tensors, and counts."""

    @property
    def selected_sites(self) -> frozenset[Site]:
        """Sites of whose nodes it keeps those of some roles: there, the role of every node has to be known."""

    def score_leaves(self, leaves: Sequence[Leaves]) -> Floats:
        """Scores networks whose node values were collected, `(A,)`; NaN where there is no finite value.

        Raises:
            CollectionError: If it cannot be computed from them.
            FitError: If a model was not fitted for a network like one of them.
        """


@runtime_checkable
class ArchPart(Protocol):
    """A part that is a function of the architecture: no network is built for it."""

    def score_arch(self, space: Space, arch: Arch) -> float:
        """Scores an architecture of a space; raises as `Scorer.score` does."""


@runtime_checkable
class SubjectPart(Protocol):
    """A part that is measured on a prepared model, beside others with which it shares passes."""

    def score_subject(self, subject: Subject) -> float:
        """Scores a model that is prepared already; raises as `Scorer.score` does."""
