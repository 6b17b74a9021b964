"""From anything that scores to numbers for architectures."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.base.errors import CollectionError, FitError, SpecError
from autoprox.base.parallel import explained_loss
from autoprox.base.threads import single_threaded
from autoprox.graph import Proxy, Scorer
from autoprox.graph.scorer import Loss, Requirements, score_each
from autoprox.metrics import mean_ranks
from autoprox.networks import Fresh, Network
from autoprox.scorers import Ensemble, RankedProxy, score_together
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import Task

ScoreFunction = Callable[[nn.Module, Any, Any], float | Tensor]
"""From a network, images `(B, C, H, W)` and labels `(B,)` to a score; higher is better."""


class Measured(NamedTuple):
    """What was measured of an architecture.

    Args:
        parts: `(P,)`, one value a part of the scorer, averaged over initialisations; NaN where there is no finite one.
        reason: Why one is missing; empty if the scorer is just undefined there, or nothing is missing.
    """

    parts: tuple[float, ...]
    reason: str


@dataclass(frozen=True)
class OwnScorer:
    """A function or object of the user's own behind the interface of all scorers.

    The network comes in evaluation mode, with gradients enabled for all parameters, and is thrown away afterwards.

    Args:
        name: What reports call it.
        function: Scores a network.

    Example:
        >>> OwnScorer("linear layers", lambda model, images, labels: len(list(model.modules()))).sign
        1
    """

    name: str
    function: ScoreFunction
    sign: int = 1
    source: str = "Given by the caller."
    requirements: Requirements = field(default_factory=Requirements)

    def score(self, model: nn.Module, images: Any, labels: Any, *, loss: Loss | None = None) -> float:
        """Scores one network; the function knows of no loss.

        Raises:
            SpecError: If a loss is given.
        """
        if loss is not None:
            raise SpecError(f"The function '{self.name}' takes no loss.")
        value = self.function(model, images, labels)
        return float(value.detach() if isinstance(value, Tensor) else value)

    def score_many(self, models: Iterable[nn.Module], images: Any, labels: Any, *, loss: Loss | None = None) -> Floats:
        """Scores networks one after the other."""
        return score_each(self, models, images, labels, loss)


@dataclass(frozen=True)
class Assessor:
    """A scorer taken apart: what is measured of each network by itself, and how that becomes scores of a set.

    Most scorers have one part, which is the score. One that ranks over a set has several, and the set are all networks
    that the search has seen so far.

    Args:
        name: What reports call the scorer.
        parts: `P` scorers with names of their own.
        join: From the parts' values `(P, A)` to scores `(A,)`.

    Example:
        >>> import autoprox
        >>> Assessor.of(autoprox.load("snip")).name, len(Assessor.of(autoprox.load("az_nas")).parts)
        ('snip', 4)
        >>> Assessor.of(lambda model, images, labels: 0.0).parts[0].name
        '<lambda>'
    """

    name: str
    parts: tuple[Scorer, ...]
    join: Callable[[Floats], Floats]

    @property
    def identity(self) -> list[Any]:
        """What tells it from other scorers, as far as they say what they are; a function has its name alone."""
        return [self.name, *([part.name, part.sign, _content(part)] for part in self.parts)]

    @classmethod
    def of(cls, scorer: Any) -> "Assessor":
        """Takes anything with `score(model, images, labels)`, or a function of the same arguments.

        Raises:
            SpecError: If it is neither, or an ensemble has two members of one name.
        """
        if isinstance(scorer, RankedProxy):
            return cls(scorer.name, scorer.parts, scorer.joined)
        if isinstance(scorer, Ensemble):
            names = [member.name for member in scorer.members]
            if len(set(names)) < len(names):
                raise SpecError(f"Two members of '{scorer.name}' have the same name; name each of them otherwise.")
            return cls(scorer.name, scorer.members, mean_ranks)
        if isinstance(scorer, Scorer):
            return cls(scorer.name, (scorer,), _only)
        function = getattr(scorer, "score", scorer)
        if not callable(function) or isinstance(scorer, type):
            raise SpecError(
                f"A {type(scorer).__name__} scores nothing; give something with score(model, images, labels), or a "
                "function of a model, images and labels."
            )
        name = getattr(scorer, "name", None) or getattr(scorer, "__name__", None) or type(scorer).__name__
        own = OwnScorer(str(name), function)
        return cls(own.name, (own,), _only)

    def measured(
        self, space: Space, archs: Sequence[Arch], task: Task, init_seeds: int, parallel: Parallel
    ) -> Iterator[tuple[Arch, Measured]]:
        """Builds and measures networks, in their order.

        Args:
            space: Their space.
            archs: The architectures.
            task: What the networks are built for, and the batch.
            init_seeds: Number of initialisations, the seeds 0, 1, ...; values are averaged over them.
            parallel: The processes; results come in order, and do not depend on it.

        Raises:
            AutoproxError: If a process was ended from outside.
        """
        tasks = (delayed(_measured)(space, arch, task, init_seeds, self.parts) for arch in archs)
        with explained_loss():
            yield from zip(archs, parallel(tasks), strict=True)


def _content(part: Scorer) -> str:
    if isinstance(part, Proxy):
        return part.graph.digest
    return digest(dict(getattr(part, "provenance", {})))


def _only(parts: Floats) -> Floats:
    return np.asarray(parts[0])


def _measured(space: Space, arch: Arch, task: Task, init_seeds: int, parts: Sequence[Scorer]) -> Measured:
    """Runs in a worker process. What a scorer cannot be computed on is no candidate; the search goes on without it."""
    names = [part.name for part in parts]
    rows = []
    with single_threaded():
        for seed in range(init_seeds):
            model = Network(space, arch, task, Fresh(seed)).build()
            try:
                found = score_together(parts, model, task.images, task.labels)
            except (CollectionError, FitError) as error:
                return Measured((float("nan"),) * len(parts), str(error))
            rows.append([found[name] for name in names])
    values = np.array(rows, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return Measured(tuple(values.mean(axis=0).tolist()), "")
