"""Definition and provenance of a run as JSON-compatible data, for its journal and its proxy."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from autoprox.base.digest import digest
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.evolve.engine import SEARCH_VERSION, EvolutionOutcome
from autoprox.evolve.grammar import drawn_primitives
from autoprox.evolve.leaves import first_bank, own_leaves
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.graph import Expression, Level


def definition_of(problem: Problem, plan: EvolutionPlan) -> dict[str, Any]:
    """Everything that determines the course of a run."""
    labels = [[block.name, list(block.arch_ids), block.goodness.tolist()] for block in problem.blocks]
    primitives = [
        [level.value, each.name, each.version, each.weight] for level in Level for each in drawn_primitives(level)
    ]
    return {
        **_question(problem),
        "blocks": [f"{block.space}/{block.dataset}" for block in problem.blocks],
        "label_kind": problem.blocks[0].label_kind,
        "metric": problem.blocks[0].metric,
        "labels": digest(labels),
        "splits": digest({arch_id: split.value for arch_id, split in problem.table.splits().items()}),
        **plan.to_document(),
        "bank": digest([each.digest for each in (*first_bank(), *own_leaves(problem))]),
        "primitives": digest(primitives),
        "search_version": SEARCH_VERSION,
    }


def provenance_of(
    problem: Problem,
    judges: Mapping[Split, Judge],
    plan: EvolutionPlan,
    stop: Stop,
    outcome: EvolutionOutcome,
    bank: Sequence[Expression],
) -> dict[str, Any]:
    """Provenance of a proxy: its problem, the search, and the networks that it was made for."""
    params = np.concatenate([judge.counts["params"] for judge in judges.values()])
    spaces = list(dict.fromkeys(block.space for block in problem.blocks))
    return {
        **_question(problem),
        **plan.to_document(),
        "search_version": SEARCH_VERSION,
        "stop": asdict(stop),
        "ending": outcome.ending.value,
        "evaluated": outcome.evaluated,
        "rejected": outcome.rejected,
        "made_for": {"spaces": spaces, "params": [int(params.min()), int(params.max())]},
        "bank": {"leaves": len(bank), "digest": digest([each.digest for each in bank])},
    }


def _question(problem: Problem) -> dict[str, Any]:
    return {
        "table": problem.table.name,
        "table_digest": problem.table.digest,
        "batches": {
            f"{block.space}/{block.dataset}": problem.table.task(block.dataset, block.space).digest
            for block in problem.blocks
        },
        "aggregate": problem.aggregate.value,
        "weights": None if problem.weights is None else list(problem.weights),
        "init_seeds": problem.init_seeds,
        **({"teachers": _teachers(problem)} if problem.teachers else {}),
    }


def _teachers(problem: Problem) -> dict[str, dict[str, str]]:
    """Name and identity of the teacher of each data set."""
    return {
        dataset: {"name": each.name, "identity": each.identity} for dataset, each in sorted(problem.teachers.items())
    }
