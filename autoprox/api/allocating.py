"""Bits or ranks of a trained model under a budget, in one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from autoprox.api._bars import continued
from autoprox.api._given import scorer_of, taught
from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError, SpecError, suggestion
from autoprox.base.html import panel, scatter
from autoprox.compress import (
    ALLOCATION_PROXIES,
    AllocationProxy,
    CompressedSpace,
    as_batch,
    lowrank_space,
    pareto_allocations,
    quantised_space,
)
from autoprox.inspect.batch import checked_labels
from autoprox.scorers import Scorer
from autoprox.search import Constraints, run
from autoprox.spaces import Arch, TaskShape
from autoprox.spaces.costs import COSTS, Cost
from autoprox.spaces.task import ImageSource, Task

__all__ = ["KINDS", "Allocated", "allocate", "allocated"]

KINDS = ("bits", "ranks")
"""Choices for each linear map."""
SEARCH_BUDGET = 500
"""Candidates of a search, if the best allocation cannot be computed exactly."""
DEFAULT_SCORERS = {"bits": "gradient_score", "ranks": "output_energy"}


@dataclass(frozen=True, eq=False, repr=False)
class Allocated:
    """The best choice that was found for each linear map of a trained model.

    Attributes:
        space: The space of all choices.
        arch: The choice.
        scorer: Name of the scorer.
        cost: The bounded cost.
        most: The bound, in the cost's unit.
        score: Score of the choice; higher is better.
        exact: True if no allowed choice scores higher.
        front: Cost and score of the evaluated choices.
        uniform: Name, cost and score of each uniform choice.
    """

    space: CompressedSpace
    arch: Arch
    scorer: str
    cost: Cost
    most: float
    score: float
    exact: bool
    front: tuple[tuple[float, float], ...]
    uniform: tuple[tuple[str, float, float], ...]

    @property
    def value(self) -> float:
        """Cost of the choice, in the cost's unit."""
        return float(self.cost.of(self.space, self.arch, self._shape))

    @property
    def choices(self) -> dict[str, float]:
        """The choice for each group of maps, by name."""
        genes = self.arch.genes[self.space.gene]
        return {group.name: choice for group, choice in zip(self.space.groups, genes, strict=True)}

    def network(self) -> nn.Module:
        """The compressed model."""
        return self.space.build(self.arch)

    def frame(self) -> pd.DataFrame:
        """One row per group of maps: its name, its choice, and the maps that share it."""
        return pd.DataFrame(
            {
                "group": list(self.choices),
                self.space.gene: list(self.choices.values()),
                "maps": [", ".join(each.name for each in group.maps) for group in self.space.groups],
            }
        )

    @property
    def _shape(self) -> TaskShape:
        assert self.space.own_task is not None
        return self.space.own_task

    def __repr__(self) -> str:
        how = "exact" if self.exact else "searched"
        return (
            f"Allocated({self.space.gene} of {len(self.space.groups)} maps, {self.cost.name}"
            f" {self.cost.unit.text(self.value)} of at most {self.cost.unit.text(self.most)}, {how})"
        )

    def _repr_html_(self) -> str:
        facts = {
            self.cost.noun: f"{self.cost.unit.text(self.value)} of at most {self.cost.unit.text(self.most)}",
            "score": f"{self.score:.4g} ({self.scorer}; higher is better)",
            "choice": "highest score within the bound" if self.exact else "highest score that a search found",
        }
        picture = scatter(self.front, [(self.value, self.score)], self.cost.noun, f"score of {self.scorer}")
        return panel(f"{self.space.gene.capitalize()} of {self.space.name}", facts, picture, self.frame().to_html())


def allocate(
    model: nn.Module,
    images: Any,
    labels: Any = None,
    *,
    kind: str = "bits",
    max: Mapping[str, float | str],  # noqa: A002 - reads as in `max={"weight_bytes": "400KB"}`
    scorer: Any = None,
    activations: int = 8,
    checkpoint: str | Path | None = None,
    budget: int = SEARCH_BUDGET,
    seed: int = 0,
    progress: bool = True,
) -> Allocated:
    """Chooses bits or ranks for each linear map of a trained model within a total budget.

    Args:
        model: The trained model, which is not changed.
        images: A batch `(B, C, H, W)` of square images, normalised as for the model.
        labels: Class indices `(B,)`; None if the scorer does not read them.
        kind: `bits` or `ranks`.
        max: The budget: one cost and its upper bound, such as `{"weight_bytes": "400KB"}`.
        scorer: One of `autoprox.compress.ALLOCATION_PROXIES`, for which the best choice is computed exactly; any other
            scorer leads to a search. One that compares with a teacher compares with the model. The default depends on
            the kind.
        activations: Bits of activations.
        checkpoint: A safetensors file with the parameters of the model; None if it has them.
        budget: Candidates of a search.
        seed: Seed of a search.
        progress: Shows a progress bar if true.

    Returns:
        The choice; `network()` is the compressed model.

    Raises:
        SpecError: If the budget allows no choice or is not one cost, or the kind is unknown.
        RegistryError: If there is no such scorer.
        CollectionError: If the scorer cannot be computed on the model.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Flatten(), *(nn.Linear(8, 8) for _ in range(4)))
        >>> images, labels = np.ones((4, 2, 2, 2), "float32"), np.array([0, 1, 2, 3])
        >>> found = allocate(model, images, labels, max={"weight_bytes": 800}, progress=False)
        >>> found.exact, found.value <= 800, list(found.choices)
        (True, True, ['2', '3'])
    """
    if kind not in KINDS:
        raise SpecError(f"The kind is '{kind}'; give one of {', '.join(KINDS)}.")
    cost, most = _budget(max)
    batch = as_batch(images)
    if kind == "ranks":
        space: CompressedSpace = lowrank_space(model, batch, checkpoint=checkpoint)
    else:
        space = quantised_space(model, batch, activations=activations, checkpoint=checkpoint)
    assert space.own_task is not None
    given = torch.zeros(len(batch), dtype=torch.int64) if labels is None else checked_labels(labels, batch)
    task = Task("batch", *space.own_task, batch.numpy(), given.numpy(), ImageSource.IMAGES)
    return allocated(
        space,
        task,
        cost,
        most,
        DEFAULT_SCORERS[kind] if scorer is None else scorer,
        labelled=labels is not None,
        budget=budget,
        seed=seed,
        progress=progress,
    )


def allocated(
    space: CompressedSpace,
    task: Task,
    cost: Cost,
    most: float,
    scorer: Any,
    *,
    labelled: bool = True,
    budget: int = SEARCH_BUDGET,
    seed: int = 0,
    progress: bool = True,
) -> Allocated:
    """The best choice of a space within a budget: exact if score and cost add up over maps, else searched.

    Args:
        space: The choices.
        task: The batch.
        cost: The bounded cost.
        most: The bound.
        scorer: A name, or a scorer. One that compares with a teacher compares with the trained model.
        labelled: True if the batch has real labels.
        budget: Candidates of a search.
        seed: Seed of a search.
        progress: Shows a progress bar if true.

    Raises:
        SpecError: If the budget allows no choice, or the scorer gives all choices the same score.
        CollectionError: If the scorer cannot be computed on the model.
    """
    labels = task.labels if labelled else None
    chosen: Scorer = taught(scorer_of(scorer), space.source)
    if labels is None and chosen.needs.labels:
        fitting = {name: each.needs for name, each in ALLOCATION_PROXIES.items() if space.gene in each.genes}
        raise CollectionError(
            f"The proxy '{chosen.name}' needs labels of the network's own classes, which these images lack. Give "
            f"such images, or another proxy: {', '.join(name for name, needs in fitting.items() if not needs.labels)}."
        )
    if cost.additive and isinstance(chosen, AllocationProxy):
        table = chosen.table(space, task.images, labels)
        pairs = [(float(each.cost), each.score) for each in pareto_allocations(space, table, cost)]
        arch = pareto_allocations(space, table, cost, int(most))[-1].arch
        return _found(space, arch, chosen.name, cost, most, pairs, lambda each: _summed(space, table, each), exact=True)
    bounds = Constraints(**{f"max_{cost.name}": most})
    shown = continued("search", "candidate", shown=progress)
    found = run(chosen, space, bounds, np.random.default_rng(seed), task=task, budget=budget, progress=shown)
    pairs = [(float(each.costs[cost.name]), each.score) for each in found.scored]
    if len(pairs) > 1 and len({score for _, score in pairs}) == 1:
        raise SpecError(
            f"The proxy '{chosen.name}' gives all {len(pairs)} choices of {space.gene} that were tried the same score, "
            f"so it cannot choose any. Use one that depends on {space.gene} or on their effects."
        )

    def score(arch: Arch) -> float:
        return float(chosen.score(space.build(arch), task.images, labels))

    return _found(space, found.pick.arch, chosen.name, cost, most, pairs, score, exact=False)


def _found(
    space: CompressedSpace,
    arch: Arch,
    scorer: str,
    cost: Cost,
    most: float,
    front: Sequence[tuple[float, float]],
    score: Callable[[Arch], float],
    *,
    exact: bool,
) -> Allocated:
    assert space.own_task is not None
    uniform = []
    for choice in space.choices:
        same = space.arch({space.gene: [choice] * len(space.groups)})
        uniform.append((f"{choice:g} {space.gene}", float(cost.of(space, same, space.own_task)), score(same)))
    return Allocated(space, arch, scorer, cost, most, score(arch), exact, tuple(front), tuple(uniform))


def _summed(space: CompressedSpace, table: Floats, arch: Arch) -> float:
    return float(table[np.arange(len(table)), list(space.chosen(arch.genes))].sum())


def _budget(given: Mapping[str, float | str]) -> tuple[Cost, float]:
    if not isinstance(given, Mapping):
        raise SpecError(f"The budget is {given!r}; give one cost with its bound, such as {{'weight_bytes': '400KB'}}.")
    if len(given) != 1:
        raise SpecError(f"The budget names {len(given)} costs; give one, such as {{'weight_bytes': '400KB'}}.")
    ((name, value),) = given.items()
    if name not in COSTS:
        raise SpecError(f"There is no cost '{name}'. {suggestion(name, COSTS)}")
    if value is None:
        raise SpecError(f"The bound of '{name}' is None; give a number, such as {{'weight_bytes': '400KB'}}.")
    bound = Constraints(**{f"max_{name}": value}).bounds[0]
    return bound.cost, bound.value
