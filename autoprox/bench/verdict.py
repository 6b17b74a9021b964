"""Verdict on a score vector: its figures, and their JSON form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoprox.bench.block import Block


@dataclass(frozen=True)
class BlockVerdict:
    """Correlations of one score vector with one block.

    Args:
        kendall: Signed tau-b; NaN where undefined.
        ci95: Its 95 % interval, paired bootstrap over architectures.
        spearman: Signed rank correlation.
        iso: tau-b among architectures of one size: mean over the iso strata with at least 8 of them; NaN if there is
            no such stratum.
        partial: Partial tau given the number of parameters.
        tau_a: Signed tau-a, in which pairs with equal scores count as 0; far below tau-b if scores have few values.
        ndcg: nDCG of the first ten, with gains from 0 (worst label) to 1 (best label).
        regret: Gap between the best label and the label of the architecture with the highest score, in the metric's
            unit.
    """

    kendall: float
    ci95: tuple[float, float]
    spearman: float
    iso: float
    partial: float
    tau_a: float
    ndcg: float
    regret: float

    def to_document(self, block: Block) -> dict[str, Any]:
        """The verdict with its block, as JSON-like data; undefined figures are None."""
        return {
            "space": block.space,
            "dataset": block.dataset,
            "label_kind": block.label_kind,
            "metric": block.metric,
            "n": len(block.arch_ids),
            "kendall": finite_or_none(self.kendall),
            "ci95": [finite_or_none(bound) for bound in self.ci95],
            "spearman": finite_or_none(self.spearman),
            "kendall_iso": finite_or_none(self.iso),
            "kendall_given_params": finite_or_none(self.partial),
            "tau_a": finite_or_none(self.tau_a),
            "ndcg_10": finite_or_none(self.ndcg),
            "top1_regret": finite_or_none(self.regret),
        }


@dataclass(frozen=True)
class Verdict:
    """Correlations of one score vector with several blocks.

    Args:
        joint: Joint correlation.
        ci95: Its 95 % interval.
        blocks: One verdict per block.
    """

    joint: float
    ci95: tuple[float, float]
    blocks: tuple[BlockVerdict, ...]

    def to_document(self, blocks: Sequence[Block]) -> dict[str, Any]:
        """The verdict with its blocks, as JSON-like data; undefined figures are None."""
        return {
            "joint": finite_or_none(self.joint),
            "ci95": [finite_or_none(bound) for bound in self.ci95],
            "blocks": [each.to_document(block) for each, block in zip(self.blocks, blocks, strict=True)],
        }


def finite_or_none(value: float) -> float | None:
    """A number for JSON: None where undefined.

    Example:
        >>> finite_or_none(0.5), finite_or_none(float("nan"))
        (0.5, None)
    """
    return float(value) if np.isfinite(value) else None
