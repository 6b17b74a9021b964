"""A score, or the reason why it is missing: one network without a score must not end the scoring of the others."""

import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError, FitError, UndefinedScoreError


class UnscoredWarning(UserWarning):
    """Some of several networks have no score, because it cannot be computed on them."""


class DoubtfulScoresWarning(UserWarning):
    """Scores are unreliable: the networks differ from those that a proxy was made for, or some scores are equal."""


class Outcome(NamedTuple):
    """Result of scoring one network.

    Args:
        value: The score; NaN if it is not finite.
        reason: Reason why it cannot be computed; empty if it was computed or is undefined.
    """

    value: float
    reason: str = ""


def attempted(score: Callable[[], float]) -> Outcome:
    """Scores a network, or returns the reason why it cannot be scored.

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
    """Returns the scores of several networks, `(A,)`; NaN for a score that is not finite.

    Args:
        name: Name of the scorer.
        outcomes: One per network.

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
