"""The manifest of a built table: its origin, and the quality of each block."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from autoprox.base.versions import versions
from autoprox.bench.ceiling import METHOD
from autoprox.bench.digests import frame_digest
from autoprox.bench.owners import remembered
from autoprox.bench.quality import blocks_of
from autoprox.bench.schema import SCHEMA_VERSION
from autoprox.bench.splits import deal, to_document
from autoprox.bench.table_files import TableFiles
from autoprox.datasets.batches import read_batches
from autoprox.training._one_training import Training
from autoprox.training.build_plan import BuildPlan
from autoprox.training.device import kind_of
from autoprox.training.label_makers import maker_of
from autoprox.training.sample import ISO_TOLERANCE, iso_budget


def manifest_of(
    plan: BuildPlan,
    frame: pd.DataFrame,
    files: TableFiles,
    failures: Sequence[tuple[Training, str]],
    seconds: Sequence[float],
) -> dict[str, Any]:
    """Describes a table.

    Args:
        plan: The plan of the build.
        frame: The rows.
        files: Paths of the table; the batches must exist.
        failures: Trainings without a label, with reasons.
        seconds: Wall time of every training; 0 if its label was reused from another table.

    Returns:
        JSON-like data.
    """
    timed = [value for value in seconds if value > 0]
    present = set(frame["arch_id"])
    spaces = {space.name: space for space in plan.owners}
    splits = deal(((item.arch, item.stratum) for item in plan.architectures), spaces)
    return {
        "name": files.table.stem,
        "schema_version": SCHEMA_VERSION,
        "digest": frame_digest(frame),
        "batches": {name: batch.digest for name, batch in read_batches(files.batches).items()},
        "spaces": remembered(plan.owners),
        "command": plan.command(files.table.name),
        "versions": versions(),
        "device": kind_of(plan.device),
        "recipe": {"digest": plan.recipe.digest, **plan.recipe.as_dict()},
        "iso": {
            "tolerance": ISO_TOLERANCE,
            "backbone_params_budget": {space.name: iso_budget(space) for space in plan.owners if plan.iso},
        },
        "images": {
            name: {"digest": digest, "licence": plan.source(name).licence}
            for name, digest in sorted(plan.dataset_digests().items())
        },
        "labels": {kind.name: {"description": kind.description, "trained": kind.trained} for kind in plan.kinds},
        **_facts(plan),
        "time": {
            "trainings_timed": len(timed),
            "core_hours": round(sum(timed) / 3600, 2),
            "median_s": round(float(np.median(timed)), 2) if timed else None,
        },
        "failed_runs": [
            {
                "arch_id": training.arch.arch_id,
                "space": training.arch.space,
                "dataset": training.dataset,
                "label_kind": training.label_kind.name,
                "train_seed": training.train_seed,
                "reason": reason,
            }
            for training, reason in failures
        ],
        "ceiling_method": METHOD,
        "blocks": blocks_of(frame, spaces),
        "splits": to_document({arch_id: split for arch_id, split in splits.items() if arch_id in present}),
    }


def _facts(plan: BuildPlan) -> dict[str, Any]:
    """Remarks of the makers of the labels."""
    data = [plan.data(name) for name in plan.datasets]
    return {key: value for kind in plan.kinds for key, value in maker_of(kind).facts(data, plan.recipe).items()}
