"""Search of a space in one call."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from autoprox.api._bars import continued
from autoprox.api._given import scorer_of, taught
from autoprox.datasets import dataset as open_dataset
from autoprox.datasets.batches import draw_batch
from autoprox.search import AbstractMethod, Constraints, SearchResult, run
from autoprox.spaces import Space
from autoprox.spaces.task import Task

__all__ = ["find"]


def find(
    space: Space | str,
    scorer: Any,
    *,
    max: Mapping[str, float | str] | None = None,  # noqa: A002 - reads as in `max={"params": "5M"}`
    min: Mapping[str, float | str] | None = None,  # noqa: A002
    dataset: str | Task | None = None,
    teacher: nn.Module | None = None,
    budget: int | None = None,
    method: AbstractMethod | str = "evolution",
    seed: int = 0,
    init_seeds: int = 1,
    jobs: int = 1,
    progress: bool = True,
) -> SearchResult:
    """Finds the architectures of a space that score best under bounds, without training any.

    Args:
        space: A space, its name, or its location `my_file.py:space`.
        scorer: A name or path that `autoprox.load` knows, or anything with `score(model, images, labels)`.
        max: Upper bounds of costs by name: numbers in the cost's unit, or text such as "5M" and "20ms".
        min: Lower bounds.
        dataset: Data set for scoring; Gaussian noise if None.
        teacher: A network that candidates are compared with, for scorers that compare (DisWOT, TVT).
        budget: Distinct candidates in total; 1,000 by default.
        method: Search method, by name or with settings.
        seed: The same seed gives the same result, for any number of jobs.
        init_seeds: Number of initialisations that scores are averaged over.
        jobs: Number of processes.
        progress: Shows a progress bar if true.

    Returns:
        The candidates, the best first; `pick` is the best one and `frame()` has all of them.

    Raises:
        SpecError: If no architecture is allowed, or an argument is out of range.
        RegistryError: If there is no such scorer, space or method.
        CollectionError: If the scorer cannot be computed on any of the first candidates.

    Example:
        >>> found = find("pit-micro", "params", max={"params": "20k"}, budget=20, progress=False)
        >>> found.pick.params <= 20_000
        True
    """
    bounds = {f"max_{name}": each for name, each in (max or {}).items()}
    bounds |= {f"min_{name}": each for name, each in (min or {}).items()}
    task = draw_batch(open_dataset(dataset)).task(dataset) if isinstance(dataset, str) else dataset
    return run(
        taught(scorer_of(scorer), teacher),
        space,
        Constraints(**bounds),
        np.random.default_rng(seed),
        task=task,
        method=method,
        budget=budget,
        init_seeds=init_seeds,
        jobs=jobs,
        progress=continued("search", "candidate", shown=progress),
    )
