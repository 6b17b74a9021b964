"""Scores of architectures by a scorer."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

from autoprox.base.parallel import explained_loss
from autoprox.base.threads import single_threaded
from autoprox.networks import Fresh, Network
from autoprox.scorers import Scorer, measured_network
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import Task


class Measured(NamedTuple):
    """Measured values of an architecture.

    Args:
        parts: `(P,)`, one value per part of the scorer, averaged over initialisations; NaN if none is finite.
        reason: Reason for a missing value; empty if the scorer is merely undefined there, or no value is missing.
    """

    parts: tuple[float, ...]
    reason: str


def measured_archs(
    scorer: Scorer, space: Space, archs: Sequence[Arch], task: Task, init_seeds: int, parallel: Parallel
) -> Iterator[tuple[Arch, Measured]]:
    """Builds networks and measures the parts of a scorer on them, in the order of the architectures.

    Args:
        scorer: The scorer.
        space: The space of the architectures.
        archs: The architectures.
        task: Classes and image shape of the networks, and the batch.
        init_seeds: Number of initialisations, the seeds 0, 1, ...; values are averaged over them.
        parallel: The processes; results are in order and do not depend on it.

    Raises:
        AutoproxError: If a process was killed.
    """
    parts = scorer.parts
    tasks = (delayed(_measured)(space, arch, task, init_seeds, parts) for arch in archs)
    with explained_loss():
        yield from zip(archs, parallel(tasks), strict=True)


def _measured(space: Space, arch: Arch, task: Task, init_seeds: int, parts: Sequence[Scorer]) -> Measured:
    """Runs in a worker process; failures of the scorer become reasons."""
    rows = []
    with single_threaded():
        for seed in range(init_seeds):
            found = measured_network(parts, Network(space, arch, task, Fresh(seed)))
            reason = next((each.reason for each in found if each.reason), "")
            if reason:
                return Measured((float("nan"),) * len(parts), reason)
            rows.append([each.value for each in found])
    return Measured(tuple(np.mean(rows, axis=0).tolist()), "")
