"""The first bank as a file next to a table, so that a first discovery on it need not compute it."""

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
    """Writes the leaf values at the start of every discovery for a problem, as a file next to its table.

    It contains values for the networks of fit and select; for sealed, a discovery needs only the leaves of its winner.
    Values are rounded to float32, the precision of tensors, which halves the size of the file.

    Args:
        problem: The table, its blocks and the number of initialisations.
        cache: Cache of leaf values.
        path: The file; an existing one is replaced.
        jobs: Processes that collect statistics.
        progress: Wraps the iterable of computed networks; its second argument is the length.

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
