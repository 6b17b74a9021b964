"""A function or object of the caller's own as a scorer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.base.identity import function_digest
from autoprox.scorers._interface import Scorer
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements

ScoreFunction = Callable[[nn.Module, Any, Any], float | Tensor]
"""From a network, images `(B, C, H, W)` and labels `(B,)` to a score; higher is better."""


@dataclass(frozen=True, repr=False)
class OwnScorer(AbstractScorer):
    """A function of the caller's own behind the interface of all scorers.

    Where it is called beside others, the network comes in evaluation mode with gradients enabled for all parameters,
    and is put back afterwards.

    Args:
        name: What reports call it.
        function: Scores a network.
        stated: What the caller calls the content of the function, where it cannot be told or changes nothing.

    Example:
        >>> OwnScorer("layers", lambda model, images, labels: len(list(model.modules()))).sign
        1
    """

    name: str
    function: ScoreFunction
    stated: str | None = None
    source: str = "Given by the caller."
    needs: Requirements = field(default_factory=Requirements)
    sign = 1

    @property
    def identity(self) -> str | None:
        """Digest of what the function computes, or of what is stated; None where that cannot be told."""
        content = self.stated or function_digest(self.function)
        return None if content is None else digest(["own", content])

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one network; the function knows of no loss.

        Raises:
            SpecError: If a loss is given.
        """
        if loss is not None:
            raise SpecError(f"The function '{self.name}' takes no loss.")
        value = self.function(model, images, labels)
        return float(value.detach() if isinstance(value, Tensor) else value)


def as_scorer(scorer: Any) -> Scorer:
    """A scorer out of anything with `score(model, images, labels)`, or a function of the same arguments.

    Its scores are kept if its content can be told (see `autoprox.base.identity`), or if it has an attribute `identity`:
    a text that is to be changed whenever its scores change.

    Raises:
        SpecError: If it is neither.

    Example:
        >>> import autoprox
        >>> snip = autoprox.load("snip")
        >>> as_scorer(snip) is snip, as_scorer(lambda model, images, labels: 0.0).name
        (True, '<lambda>')
    """
    if isinstance(scorer, Scorer):
        return scorer
    function = getattr(scorer, "score", scorer)
    if not callable(function) or isinstance(scorer, type):
        raise SpecError(
            f"A {type(scorer).__name__} scores nothing; give something with score(model, images, labels), or a "
            "function of a model, images and labels."
        )
    name = getattr(scorer, "name", None) or getattr(scorer, "__name__", None) or type(scorer).__name__
    stated = getattr(scorer, "identity", None)
    return OwnScorer(str(name), function, stated if isinstance(stated, str) else None)
