"""The search itself: propose, score, record, until the budget is met."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from autoprox.base.digest import text_digest
from autoprox.base.errors import CollectionError, SpecError
from autoprox.base.progress import ContinuedProgress
from autoprox.base.workers import processes
from autoprox.scorers import as_scorer
from autoprox.search._arch_scores import measured_archs
from autoprox.search._region import Region
from autoprox.search.constraints import Constraints
from autoprox.search.methods import METHODS, AbstractMethod, Exhaustive, History
from autoprox.search.result import ScoredArch, SearchResult, by_score
from autoprox.search.search_journal import SearchJournal
from autoprox.spaces import Arch, Space, load_space
from autoprox.spaces.costs import Cost
from autoprox.spaces.task import DEFAULT_NUM_CLASSES, Task, noise_task

DEFAULT_BUDGET = 1000
"""Candidates of an evolution or a random search."""
EXHAUSTIVE_LIMIT = 10_000
"""Default limit of an exhaustive search, in candidates."""


def run(
    scorer: Any,
    space: Space | str,
    constraints: Constraints | None = None,
    rng: np.random.Generator | None = None,
    *,
    task: Task | None = None,
    method: AbstractMethod | str = "evolution",
    budget: int | None = None,
    costs: Sequence[Cost] = (),
    init_seeds: int = 1,
    jobs: int = 1,
    journal: Path | None = None,
    progress: ContinuedProgress | None = None,
) -> SearchResult:
    """Searches a space for the architectures that score best, without training any.

    The same generator, scorer and options give the same result, for any `jobs` and any interruptions of a search with a
    journal. If the budget covers all allowed architectures, all are scored. If bounds are kept by rejection (of a
    latency, or in a space without closed forms), a search may end below its budget, when it finds no more allowed
    architectures.

    A scorer that ranks a set of networks (`az_nas`, ensembles) ranks all candidates of the search together.

    Args:
        scorer: Anything with `score(model, images, labels)`, or a function of the same arguments; higher is better. A
            custom function gets the images `(B, C, H, W)` and labels `(B,)` as tensors.
        space: The space, or a reference for `load_space`.
        constraints: The constraints; everything is allowed if None.
        rng: Source of all draws; `default_rng(0)` if None.
        task: Classes and image shape of the networks, and the batch. If None, noise for the space's own task, or in its
            image size with ten classes.
        method: Search method: a name in `METHODS`, or an instance with settings, such as
            `Evolution(population=20)`.
        budget: Number of distinct candidates, 1,000 by default; for an exhaustive search its limit, 10,000 by default.
        costs: Further costs to record for each candidate, in addition to parameters, MACs and bounded costs.
        init_seeds: Number of initialisations that scores are averaged over.
        jobs: Number of processes; the result does not depend on it.
        journal: A file that records every candidate. An existing one of the same search is resumed, if the scorer has
            an identity.
        progress: A progress bar.

    Raises:
        SpecError: If no allowed architecture exists or is found, the space is too large for an exhaustive search, or an
            argument is out of range.
        RegistryError: If there is no such method.
        CollectionError: If the scorer cannot be computed on any of the first candidates.
        StoreMismatchError: If the journal belongs to another search, or is damaged.

    Example:
        >>> from autoprox.spaces.task import noise_task
        >>> def parameters(model, images, labels):
        ...     return sum(each.numel() for each in model.parameters())
        >>> bounds, task = Constraints(max_params=20_000), noise_task("noise", 10, 8, 1)
        >>> found = run(parameters, "pit-micro", bounds, np.random.default_rng(0), task=task, budget=30)
        >>> found.pick.params <= 20_000, found.pick.score == found.pick.params, len(found.candidates)
        (True, True, 30)
    """
    owner = load_space(space)
    rng = np.random.default_rng(0) if rng is None else rng
    if task is None:
        task = noise_task("noise", *(owner.own_task or (DEFAULT_NUM_CLASSES, owner.default_img_size)))
    for name, value in {"jobs": jobs, "init_seeds": init_seeds, "budget": budget}.items():
        if value is not None and value < 1:
            raise SpecError(f"`{name}` is {value}; it must be at least 1.")
    method = METHODS[method]() if isinstance(method, str) else method
    chosen = as_scorer(scorer)
    region = Region(owner, task, constraints or Constraints())
    wanted = _wanted(region, method, budget)
    definition = {
        "space": [owner.name, owner.identity],
        # A scorer without an identity cannot be matched with a recorded one.
        "scorer": chosen.identity or uuid4().hex,
        "constraints": region.constraints.to_document(),
        "costs": [cost.identity for cost in region.constraints.costs],
        "images": [task.dataset, task.img_size, task.digest],
        "init_seeds": init_seeds,
        "method": method.name,
        "settings": method.to_document(),
        "seed": text_digest(str(rng.bit_generator.state)),
        "torch": str(torch.__version__).partition("+")[0],
    }
    # If the budget covers everything, there is no choice to make.
    everything = region.size is not None and region.size <= wanted
    course = Exhaustive() if everything else method
    history = History(chosen.join)
    # One at a time: an evolution proposes a few, which joblib would batch into one process.
    pool = processes(jobs, return_as="generator", batch_size=1)
    with SearchJournal(journal, definition) as held, pool as parallel:
        batches = course.proposals(region, history, rng)

        def candidates() -> Iterator[Arch]:
            while len(history) < wanted and (batch := next(batches, [])[: wanted - len(history)]):
                missing = [arch for arch in batch if held.lookup(arch) is None]
                for arch, measured in measured_archs(chosen, owner, missing, task, init_seeds, parallel):
                    held.record(arch, measured)
                    yield arch
                for arch in batch:
                    found = held.lookup(arch)
                    assert found is not None
                    history.add(arch, found)
                _require_a_score(history)

        before = min(len(held), wanted)
        for _ in candidates() if progress is None else progress(candidates(), wanted, before):
            pass
    if not np.isfinite(history.scores).any():
        raise CollectionError(
            f"'{chosen.name}' has no finite score on any of the {len(history)} candidates, so it cannot "
            "choose any. Check its computation, or use another scorer."
        )
    return SearchResult(
        scorer=chosen.name,
        space=owner.name,
        constraints=region.constraints,
        method=method.name,
        candidates=tuple(sorted(_candidates(region, history, costs), key=by_score)),
        allowed=region.size,
        total=region.total,
        acceptance=region.acceptance,
    )


def _wanted(region: Region, method: AbstractMethod, budget: int | None) -> int:
    if not isinstance(method, Exhaustive):
        wanted = DEFAULT_BUDGET if budget is None else budget
        return wanted if region.size is None else min(region.size, wanted)
    limit = EXHAUSTIVE_LIMIT if budget is None else budget
    listed = region.listed if region.size is None else region.size
    if listed is None or listed > limit:
        many = "more architectures than can be listed" if listed is None else f"{listed:,} architectures"
        raise SpecError(
            f"An exhaustive search of '{region.space.name}' has to score {many}, and the budget is {limit:,}. Narrow "
            "the constraints, raise the budget, or search by evolution or at random."
        )
    return listed


def _require_a_score(history: History) -> None:
    """Refuses a scorer that failed on all first candidates, since further ones would fail as well."""
    if not np.isfinite(history.scores).any():
        reason = next((each.reason for each in history.measured if each.reason), "")
        if reason:
            raise CollectionError(reason)


def _candidates(region: Region, history: History, costs: Sequence[Cost]) -> Iterator[ScoredArch]:
    for arch, measured, score in zip(history.archs, history.measured, history.scores.tolist(), strict=True):
        found = region.costs(arch) | {cost.name: region.cost(cost, arch) for cost in costs}
        yield ScoredArch(arch, score, found, measured.reason)
