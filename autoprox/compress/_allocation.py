"""Exact optima under a budget, for a score and a cost that both add up over groups."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError
from autoprox.compress._compressed import CompressedSpace
from autoprox.spaces import Arch
from autoprox.spaces.costs import Cost
from autoprox.spaces.places import PlaceCosts, arch_of


@dataclass(frozen=True, eq=False)
class Allocation:
    """Non-dominated choices.

    Args:
        arch: The choices.
        score: Sum of the values of the choices; higher is better.
        cost: Cost of the choices.
    """

    arch: Arch
    score: float
    cost: int


def pareto_allocations(space: CompressedSpace, table: Floats, cost: Cost, most: int | None = None) -> list[Allocation]:
    """All choices that are non-dominated in score and cost, found exactly without search.

    The algorithm keeps non-dominated sums group by group (Nemhauser and Ullmann 1969), since a dominated part is part
    of dominated choices only.

    Args:
        space: The space.
        table: `(groups, choices)`, the value of each choice; higher is better.
        cost: A cost that adds up over groups.
        most: The budget, in the cost's unit; None for no bound.

    Returns:
        The allocations in order of increasing cost; the last one is the best within the budget.

    Raises:
        SpecError: If the cost does not add up in this space, the cheapest choices exceed the budget, or the table has
            another shape or NaN.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from autoprox.compress import quantised_space
        >>> from autoprox.spaces.costs import COSTS
        >>> model = nn.Sequential(nn.Flatten(), *(nn.Linear(8, 8) for _ in range(4)))
        >>> space = quantised_space(model, torch.ones(2, 2, 2, 2), bits=(2, 4))
        >>> table = np.array([[0.0, 1.0], [0.0, 5.0]])
        >>> front = pareto_allocations(space, table, COSTS["weight_bytes"])
        >>> [(each.arch.genes["bits"], each.score) for each in front]
        [([2, 2], 0.0), ([2, 4], 5.0), ([4, 4], 6.0)]
    """
    shape = len(space.groups), len(space.choices)
    if np.shape(table) != shape or np.isnan(table).any():
        raise SpecError(f"The table has the shape {np.shape(table)}, or NaN in it; give {shape} numbers.")
    assert space.own_task is not None
    held = PlaceCosts.of(space, space.own_task, [cost])
    if held is None:
        raise SpecError(f"The cost '{cost.name}' does not add up over the maps of '{space.name}'; choose another cost.")
    base, added = int(held.base[0]), held.added[:, :, 0]
    # Minimum cost of the remaining groups: sums that cannot end within the budget are dropped at once.
    least = np.concatenate([np.cumsum(added.min(axis=1)[::-1])[::-1], [0]])
    if most is not None and base + least[0] > most:
        raise SpecError(
            f"max_{cost.name} {cost.unit.text(most)} allows no choice of '{space.name}': the smallest possible network "
            f"has {cost.unit.text(int(base + least[0]))} {cost.noun}. Raise the bound, or allow smaller choices."
        )
    costs, scores = np.zeros(1, dtype=np.int64), np.zeros(1)
    steps: list[npt.NDArray[np.int64]] = []
    for group, (values, prices) in enumerate(zip(table, added, strict=True)):
        every_cost = (costs[:, None] + prices).ravel()
        every_score = (scores[:, None] + values).ravel()
        kept = _undominated(every_cost, every_score)
        if most is not None:
            kept = kept[every_cost[kept] + base + least[group + 1] <= most]
        costs, scores = every_cost[kept], every_score[kept]
        steps.append(kept)
    places = np.arange(len(costs))
    chosen = np.zeros((len(costs), len(table)), dtype=np.int64)
    for group in reversed(range(len(table))):
        before, chosen[:, group] = np.divmod(steps[group][places], table.shape[1])
        places = before
    return [
        Allocation(arch_of(space, row), score, base + price)
        for row, score, price in zip(chosen.tolist(), scores.tolist(), costs.tolist(), strict=True)
    ]


def _undominated(costs: npt.NDArray[np.int64], scores: Floats) -> npt.NDArray[np.int64]:
    """Indices of non-dominated sums, in order of increasing cost."""
    order = np.lexsort((-scores, costs))
    best = np.maximum.accumulate(np.concatenate([[-np.inf], scores[order][:-1]]))
    return order[scores[order] > best]
