"""What a discovered proxy is worth beside its rivals, split by split."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.bench.judging import Judge
from autoprox.bench.verdict import Verdict, finite_or_none

PROXY_ROW, ZOO_ROW = "proxy", "zoo"
"""Names, among verdicts, of the discovered proxy and of the best zoo proxy; all others are counts."""

_GOLDEN_NETWORKS = 2


@dataclass(frozen=True)
class Margin:
    """What the proxy is worth beyond its best rival, on the sealed split and on the same resampled architectures.

    Args:
        rival: The baseline (a count, or the best zoo proxy) with the highest joint correlation on the select split.
        joint: Joint correlation of the proxy minus that of the rival.
        ci95: Its 95 % interval.
    """

    rival: str
    joint: float
    ci95: tuple[float, float]

    def to_document(self) -> dict[str, Any]:
        """The margin as JSON-like data; what is undefined is None."""
        return {
            "rival": self.rival,
            "joint": finite_or_none(self.joint),
            "ci95": [finite_or_none(each) for each in self.ci95],
        }


def margin_of(sealed: Judge, rows: dict[str, Floats], select: dict[str, Verdict]) -> Margin:
    """How far the proxy is beyond the rival that is best on select; `rows` are scores on the sealed networks."""
    # A count that is constant in a block has no joint correlation and is nobody's rival.
    rivals = [name for name in rows if name != PROXY_ROW]
    rival = max(rivals, key=lambda name: np.nan_to_num(select[name].joint, nan=-np.inf))
    joint, ci95 = sealed.margin(rows[PROXY_ROW], rows[rival])
    return Margin(rival, joint, ci95)


def verdicts_of(judge: Judge, rows: dict[str, Floats]) -> dict[str, Verdict]:
    """Verdicts of the proxy and of its rivals, on the same resamples."""
    return dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))


def document_of(verdicts: dict[str, Verdict], judge: Judge) -> dict[str, Any]:
    """Verdicts as JSON-like data."""
    return {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()}


def golden_scores(judge: Judge, scores: Floats) -> list[dict[str, Any]]:
    """A few scores to check an exported proxy by: the first networks of each space and data set."""
    seen: dict[tuple[str, str], int] = {}
    golden = []
    for network, score in zip(judge.networks, scores, strict=True):
        place = (network.arch.space, network.task.dataset)
        seen[place] = seen.get(place, 0) + 1
        if seen[place] <= _GOLDEN_NETWORKS:
            golden.append(
                {
                    "space": network.arch.space,
                    "arch_json": network.arch.json,
                    "dataset": network.task.dataset,
                    "batch": network.task.digest,
                    "init_seed": network.weights.identity,
                    "score": float(score),
                }
            )
    return golden
