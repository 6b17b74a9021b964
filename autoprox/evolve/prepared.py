"""The first bank as a file beside a table, so that a first discovery on it need not compute what all begin with."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from autoprox.base.files import atomically
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.evolve.leaves import first_bank, own_leaves
from autoprox.evolve.rivals import affordable_zoo, leaves_of_all
from autoprox.graph import Leaves, collect_leaves
from autoprox.statistics import StatisticsCache


def write_bank(
    problem: Problem,
    cache: StatisticsCache,
    path: Path,
    *,
    jobs: int = 1,
    progress: Callable[[Iterable[Leaves], int], Iterable[Leaves]] | None = None,
) -> int:
    """Writes the leaf values that every discovery for a problem begins with, as a file that lies beside its table.

    They are those of the networks of fit and select; of sealed, a discovery needs the leaves of its winner alone. They
    are rounded to float32, which is what tensors are computed in, so that the file has half the size.

    Args:
        problem: The table, its blocks and the number of initialisations.
        cache: Where leaf values live.
        path: The file; one that is there is replaced.
        jobs: Processes that collect statistics.
        progress: Wraps the iterable of networks that are computed, given with its length.

    Returns:
        The number of networks in the file.
    """
    networks = Judge(problem, Split.FIT).networks + Judge(problem, Split.SELECT).networks
    leaves = list(dict.fromkeys([*first_bank(), *own_leaves(problem), *leaves_of_all(affordable_zoo())]))
    found = collect_leaves(networks, leaves, cache, jobs=jobs, progress=progress)
    by_key = {network.key: each for network, each in zip(networks, found, strict=True)}
    atomically(path, lambda target: _write(by_key, target))
    return len(by_key)


def _write(by_key: dict[str, Leaves], path: Path) -> None:
    store = StatisticsCache(path)
    for key, each in sorted(by_key.items()):
        rounded = {name: values.astype(np.float32).astype(np.float64) for name, values in each.values.items()}
        store.put(key, rounded, each.roles)
    store.finish()
