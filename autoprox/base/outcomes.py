"""A score, or the reason why there is no score: what cannot be scored must not end the scoring of everything else."""

import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError, FitError, UndefinedScoreError


class UnscoredWarning(UserWarning):
    """Some networks of several have no score, because it cannot be computed on them."""


class DoubtfulScoresWarning(UserWarning):
    """Scores that say little: of networks unlike those that a proxy was made for, or equal for some of them."""


class Outcome(NamedTuple):
    """Result of an attempt to score one network.

    Args:
        value: The score; NaN where there is no finite one.
        reason: Why it cannot be computed; empty if it can, or is just undefined there.
    """

    value: float
    reason: str = ""


def attempted(score: Callable[[], float]) -> Outcome:
    """Scores, or says why that cannot be done.

    Example:
        >>> attempted(lambda: 2.0), attempted(lambda: float("inf"))
        (Outcome(value=2.0, reason=''), Outcome(value=nan, reason=''))
    """
    try:
        value = float(score())
    except UndefinedScoreError:
        return Outcome(np.nan)
    except (CollectionError, FitError) as error:
        return Outcome(np.nan, str(error))
    return Outcome(value if np.isfinite(value) else np.nan)


def values_of(name: str, outcomes: Iterable[Outcome]) -> Floats:
    """The scores of several networks, `(A,)`, NaN where there is no finite one.

    Args:
        name: Of the scorer.
        outcomes: One a network.

    Raises:
        CollectionError: If the score cannot be computed on any of the networks.

    Warns:
        UnscoredWarning: If it cannot be computed on some of them.

    Example:
        >>> values_of("snip", [Outcome(1.0), Outcome(float("nan"))])
        array([ 1., nan])
    """
    found = list(outcomes)
    refused = [place for place, each in enumerate(found) if each.reason]
    if refused:
        reason = found[refused[0]].reason
        if len(refused) == len(found):
            raise CollectionError(reason)
        count = f"{len(refused)} of {len(found)} networks, first for number {refused[0]}"
        warnings.warn(f"'{name}' has no score for {count}: {reason}", UnscoredWarning, stacklevel=3)
    return np.array([each.value for each in found], dtype=np.float64)
