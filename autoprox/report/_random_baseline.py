"""Random search as the baseline of a run: the same number of candidates without learning."""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.bench.splits import Split
from autoprox.evolve import Discoverer, EvolutionPlan, Stop
from autoprox.evolve.evolution_journal import JOURNAL
from autoprox.evolve.rivals import scores_of
from autoprox.evolve.runs import Run, load
from autoprox.evolve.verdicts import document_of, verdicts_of

RANDOM_BUDGET = 1_000
"""Default number of candidates of random search in a report.

They take a few seconds, before the bank of leaves grows for the first time, which requires new statistics.
"""

RANDOM_ROW = "random search"
_STRATEGY = "random"


@dataclass(frozen=True)
class RandomBaseline:
    """Random search on the problem of a run, with its seed.

    Args:
        document: Its stored results: `evaluated`, the `fitness` curve in the form of `steps_of`, and the verdict of its
            winner on `select`.
        seconds: Its duration, including statistics of new leaves.
    """

    document: dict[str, Any]
    seconds: float


def random_search(run: Run, discoverer: Discoverer, budget: int) -> RandomBaseline | None:
    """Searches at random on the problem of a run: the candidates that `--strategy random` evaluates with its seed.

    The sealed split is not scored.

    Args:
        run: A finished run.
        discoverer: A discoverer for the problem of the run.
        budget: Number of candidates, 0 or more, limited to the number of the run.

    Returns:
        None without a comparison: the budget is 0, or the run is itself a random search.

    Raises:
        StoreMismatchError: If the run is not finished.
        TableError: If none of the candidates can be ranked.
    """
    definition = run.definition
    candidates = min(budget, int(run.proxy.provenance["evaluated"]))
    if candidates == 0 or definition["strategy"] == _STRATEGY:
        return None
    plan = EvolutionPlan(
        definition["seed"],
        _STRATEGY,
        beyond_size=definition["beyond_size"],
        growths=definition["growths"],
        leaf_weights=definition.get("leaf_weights"),
    )
    started = time.monotonic()
    with TemporaryDirectory() as folder:
        found = discoverer.search(plan, Stop(candidates), Path(folder) / JOURNAL)
        fitness = load(folder).best_so_far["fitness"].to_numpy()
    select = found.judges[Split.SELECT]
    scores = scores_of({RANDOM_ROW: found.chosen.on_fit}, found.bank.select)
    verdict = document_of(verdicts_of(select, {RANDOM_ROW: scores[0]}), select)[RANDOM_ROW]
    document = {"evaluated": found.outcome.evaluated, "fitness": steps_of(fitness), "select": verdict}
    return RandomBaseline(document, time.monotonic() - started)


def steps_of(best: Floats) -> list[tuple[int, float]]:
    """Steps of a non-decreasing curve: (number of candidates, fitness), counted from 1.

    Args:
        best: Highest fitness after each candidate, `(n,)`.

    Example:
        >>> steps_of(np.array([0.1, 0.1, 0.3, 0.3]))
        [(1, 0.1), (3, 0.3)]
    """
    rises = np.flatnonzero(np.diff(best, prepend=-np.inf) > 0)
    return [(int(place) + 1, float(best[place])) for place in rises]
