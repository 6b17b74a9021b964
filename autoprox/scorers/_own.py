"""User functions and objects as scorers."""

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
    """A user function with the interface of scorers.

    When it is called together with other scorers, the network is in evaluation mode, with gradients enabled for all
    parameters, and is restored afterwards.

    Args:
        name: Name for reports.
        function: Scores a network.
        stated: Text that identifies the function's content, in place of a digest of its code.

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
        """Digest of `stated`, or else of the function's content; None if it cannot be determined."""
        content = self.stated or function_digest(self.function)
        return None if content is None else digest(["own", content])

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one network; the function takes no loss.

        Raises:
            SpecError: If a loss is given.
        """
        if loss is not None:
            raise SpecError(f"The function '{self.name}' takes no `loss`. Leave it out.")
        value = self.function(model, images, labels)
        return float(value.detach() if isinstance(value, Tensor) else value)


def as_scorer(scorer: Any) -> Scorer:
    """Turns an object with a method `score(model, images, labels)`, or a function of these arguments, into a scorer.

    Its scores are cached if its content can be determined (see `autoprox.base.identity`), or if it has an attribute
    `identity`: a text that you change whenever its scores change.

    Raises:
        SpecError: If `scorer` is neither.

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
            f"A {type(scorer).__name__} is not a scorer; give an object with score(model, images, labels), or a "
            "function of a model, images and labels."
        )
    name = getattr(scorer, "name", None) or getattr(scorer, "__name__", None) or type(scorer).__name__
    stated = getattr(scorer, "identity", None)
    return OwnScorer(str(name), function, stated if isinstance(stated, str) else None)
